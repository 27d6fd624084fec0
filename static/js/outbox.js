/* What was pressed and is not stored yet. Kept in localStorage, sent in order, one at a time, until the server has said
   that it is stored: a lost connection or a closed tab loses nothing, and sending twice changes nothing (each answer
   carries its own key). A job: { method, url, body, key?, after?, assignment?, about, words }; `after` names the key of
   the answer that a revision waits for. Every job has an entry of its own, so that two tabs never write over each other;
   a lock lets one tab send at a time. What the server refuses is kept apart until somebody has seen it.
   Tells `on.state` ("saved", "saving", "offline", "waiting"; how many), `on.stored`, `on.refused`, `on.stopped` (signed
   out or paused, by the words and the status: what is unsent stays), `on.idle` (all is stored), `on.elsewhere` (another
   tab took up a text). */
window.Outbox = class Outbox {
  constructor(name, csrf, on) {
    Object.assign(this, { name, csrf, on, memory: new Map(), running: false, wait: 1000, timer: 0, count: 0 });
    addEventListener("online", () => this.flush());
    addEventListener("storage", (e) => {
      if (!e.key?.startsWith(`${name}:`)) return;
      if (e.newValue) on.elsewhere?.(JSON.parse(e.newValue));
      else if (!this.running && !this.jobs.length) this.settled(); // another tab has sent the last one
    });
  }

  static name(user, project) {
    return `loupe-unsent:${user}:${project}`;
  }

  static key() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 15) | 64;
    bytes[8] = (bytes[8] & 63) | 128;
    return [...bytes].map((b, at) => ([4, 6, 8, 10].includes(at) ? "-" : "") + b.toString(16).padStart(2, "0")).join("");
  }

  entries(prefix) {
    const found = new Map(this.memory);
    try {
      for (const [name, value] of Object.entries(localStorage)) found.set(name, value);
    } catch { /* storage is forbidden: the page keeps them */ }
    return [...found].filter(([name]) => name.startsWith(prefix)).sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => JSON.parse(value));
  }

  put(prefix, job) {
    const [name, value] = [`${prefix}:${job.id}`, JSON.stringify(job)];
    try {
      localStorage.setItem(name, value);
      this.memory.delete(name);
    } catch {
      this.memory.set(name, value);
    }
  }

  drop(prefix, id) {
    this.memory.delete(`${prefix}:${id}`);
    try {
      localStorage.removeItem(`${prefix}:${id}`);
    } catch { /* it was never there */ }
  }

  get jobs() {
    return this.entries(`${this.name}:`);
  }

  get refused() {
    return this.entries(`${this.name}!:`);
  }

  add(job) {
    const order = `${Date.now().toString(36).padStart(9, "0")}${(this.count++ % 46656).toString(36).padStart(3, "0")}`;
    return this.take({ ...job, id: `${order}-${Outbox.key()}` });
  }

  take(job) {
    this.put(this.name, job);
    if (!this.running) this.on.state?.("saving", this.jobs.length); // not only when its turn has come
    return this.flush();
  }

  forget(job) {
    this.drop(`${this.name}!`, job.id);
  }

  again(job) {
    this.forget(job);
    return this.take(job);
  }

  /* Whether the text was dealt with in this browser. A page that the server drew a moment before knows less. */
  holds(assignment) {
    return this.lately.includes(assignment) || this.jobs.some((job) => job.assignment === assignment);
  }

  get lately() {
    try {
      return JSON.parse(localStorage.getItem(`${this.name}~`) ?? "[]");
    } catch {
      return [];
    }
  }

  remember(assignment) {
    try {
      localStorage.setItem(`${this.name}~`, JSON.stringify([assignment, ...this.lately].slice(0, 50)));
    } catch { /* then only the page itself knows */ }
  }

  async flush() {
    if (this.running) return;
    this.running = true;
    clearTimeout(this.timer);
    let empty = false;
    try {
      empty = await (navigator.locks ? navigator.locks.request(this.name, () => this.drain()) : this.drain());
    } finally {
      this.running = false;
    }
    if (empty && this.jobs.length) return this.flush(); // something was pressed in this very moment
    if (empty) this.settled();
  }

  settled() {
    this.on.state?.("saved", 0);
    this.on.idle?.();
  }

  async drain() {
    for (let job = this.jobs[0]; job; job = this.jobs[0]) {
      this.on.state?.("saving", this.jobs.length);
      const said = await this.send(job);
      if (said.later) {
        this.on.state?.(said.offline ? "offline" : "waiting", this.jobs.length);
        if (said.stopped) this.on.stopped?.(said.detail, said.stopped);
        else this.timer = setTimeout(() => this.flush(), this.wait);
        this.wait = Math.min(this.wait * 2, 30000);
        return false;
      }
      this.wait = 1000;
      if (!said.stored) this.put(`${this.name}!`, { ...job, detail: said.detail });
      for (const later of this.jobs.filter((other) => job.key && other.after === job.key)) {
        if (said.stored) this.put(this.name, { ...later, url: later.url.replace("/0/", `/${said.stored.id}/`), after: null });
        else {
          this.put(`${this.name}!`, { ...later, detail: said.detail });
          this.drop(this.name, later.id);
        }
      }
      if (said.stored && job.assignment) this.remember(job.assignment);
      this.drop(this.name, job.id);
      if (said.stored) this.on.stored?.(job, said.stored);
      else this.on.refused?.(job, said.detail);
    }
    return true;
  }

  async send(job) {
    const headers = { "Content-Type": "application/json", "X-CSRFToken": this.csrf };
    const body = JSON.stringify(job.body);
    const keepalive = body.length < 20000; // browsers refuse to outlive the page with more than 64 kB
    try {
      const answer = await fetch(job.url, { method: job.method, headers, body, keepalive, signal: AbortSignal.timeout(20000) });
      if (answer.ok) return { stored: await answer.json().catch(() => ({})) };
      if (answer.status >= 500 || [408, 425, 429].includes(answer.status)) return { later: true };
      const detail = (await answer.json().catch(() => ({}))).detail ?? "";
      const stopped = [401, 403].includes(answer.status) && answer.status;
      return { detail, later: Boolean(stopped), stopped };
    } catch {
      return { later: true, offline: true };
    }
  }
};
