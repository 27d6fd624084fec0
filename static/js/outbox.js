/* What was pressed and is not stored yet. Kept in localStorage, sent in order, one at a time, until the server has said
   that it is stored: a lost connection or a closed tab loses nothing, and sending twice changes nothing (each answer
   carries its own key). A job: { id, method, url, body, key?, after?, assignment? }; `after` names the key of the answer
   that a revision waits for. Tells `on.state` ("saved", "saving", "waiting"; how many), `on.stored`, `on.refused`,
   `on.stopped` (signed out or paused: what is unsent stays here), `on.idle` (all is stored). */
window.Outbox = class {
  constructor(name, csrf, on) {
    Object.assign(this, { name, csrf, on, memory: [], running: false, wait: 1000, timer: 0 });
    addEventListener("online", () => this.flush());
  }

  get jobs() {
    try {
      return JSON.parse(localStorage.getItem(this.name) ?? "[]");
    } catch {
      return this.memory;
    }
  }

  set jobs(list) {
    this.memory = list;
    try {
      localStorage.setItem(this.name, JSON.stringify(list));
    } catch { /* storage is full or forbidden: the page keeps them */ }
  }

  static key() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 15) | 64;
    bytes[8] = (bytes[8] & 63) | 128;
    return [...bytes].map((b, at) => ([4, 6, 8, 10].includes(at) ? "-" : "") + b.toString(16).padStart(2, "0")).join("");
  }

  add(job) {
    this.jobs = [...this.jobs, { id: Outbox.key(), ...job }];
    return this.flush();
  }

  holds(assignment) {
    return this.jobs.some((job) => job.assignment === assignment);
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
    if (empty) this.on.idle();
  }

  async drain() {
    for (let job = this.jobs[0]; job; job = this.jobs[0]) {
      this.on.state("saving", this.jobs.length);
      const said = await this.send(job);
      if (said.later) {
        this.on.state("waiting", this.jobs.length);
        if (said.stopped) this.on.stopped(said.detail);
        else this.timer = setTimeout(() => this.flush(), this.wait);
        this.wait = Math.min(this.wait * 2, 30000);
        return false;
      }
      this.wait = 1000;
      let rest = this.jobs.filter((other) => other.id !== job.id);
      if (job.key && said.stored)
        rest = rest.map((o) => (o.after === job.key ? { ...o, url: o.url.replace("/0/", `/${said.stored.id}/`), after: null } : o));
      else if (job.key) rest = rest.filter((other) => other.after !== job.key);
      this.jobs = rest;
      if (said.stored) this.on.stored(job, said.stored);
      else this.on.refused(job, said.detail);
    }
    this.on.state("saved", 0);
    return true;
  }

  async send(job) {
    const headers = { "Content-Type": "application/json", "X-CSRFToken": this.csrf };
    try {
      const signal = AbortSignal.timeout(20000);
      const answer = await fetch(job.url, { method: job.method, headers, body: JSON.stringify(job.body), keepalive: true, signal });
      if (answer.ok) return { stored: await answer.json() };
      if (answer.status >= 500 || [408, 425, 429].includes(answer.status)) return { later: true };
      const detail = (await answer.json().catch(() => ({}))).detail ?? "";
      return { detail, later: [401, 403].includes(answer.status), stopped: [401, 403].includes(answer.status) };
    } catch {
      return { later: true };
    }
  }
};
