/* The annotate page: keys, the text at hand and the next one, my last texts. Every press goes into the outbox
   (outbox.js); without this file the page is a plain form. */
(() => {
  const $ = (id) => document.getElementById(id);
  const told = JSON.parse($("labelling").textContent);
  const form = $("answer"), comment = $("cm"), toast = $("toast"), saved = $("saved"), flag = $("flag");
  const csrf = document.querySelector("[name=csrfmiddlewaretoken]").value;
  const MOMENT = 140, LONGEST = 120, SHOWN = 6, WALK = 20;
  const keysOn = document.documentElement.dataset.keys !== "off";
  const marker = `loupe-guideline:${told.project}`;
  let hideTimer, fillTimer, filling = false, pressing = false;

  const say = (message) => {
    toast.replaceChildren(Object.assign(document.createElement("span"), { textContent: message }));
    toast.hidden = false;
    clearTimeout(hideTimer);
    hideTimer = setTimeout(() => { toast.hidden = true; }, 3500);
  };
  const trouble = (message) => {
    $("trouble").hidden = !message;
    $("trouble").lastElementChild.textContent = message;
  };
  const states = {
    saved: ["ok", () => "Saved"],
    saving: ["ok", () => "Saving…"],
    waiting: ["warn", (n) => `Not saved, trying again (${n} waiting)`],
  };
  const outbox = new Outbox(`loupe-unsent:${told.project}:${told.user}`, csrf, {
    state(name, n) {
      const [icon, words] = states[name];
      saved.classList.toggle("good-t", name !== "waiting");
      saved.classList.toggle("bad-t", name === "waiting");
      saved.querySelector("use").setAttribute("href", `#i-${icon}`);
      saved.lastElementChild.textContent = words(n);
    },
    idle() {
      form ? fill() : location.reload(); // at the end of work there may be more now
    },
    stored(job, answer) {
      const entry = job.key && recent.find((r) => r.key === job.key);
      if (entry) entry.annotation = answer.id;
      trouble("");
    },
    refused(job, detail) {
      trouble(`${detail || "That was refused."} ${job.about ? `It was about: “${job.about.slice(0, 60)}”.` : ""}`);
    },
    stopped(detail) {
      trouble(`${detail || "You are signed out."} What is not saved yet is kept in this browser and sent when you are back on this page.`);
    },
  });

  /* What is on the screen: the text at hand (fresh), or one of my last ones (recent[at]) */
  const recent = told.recent ?? [];
  let ahead = (told.assignments ?? []).filter((a) => !outbox.holds(a.id));
  let fresh = ahead.shift() ?? null, at = -1, skipped = null, timed = null, seen = 0, since = performance.now();
  if (told.opened) {
    at = recent.findIndex((r) => r.annotation === told.opened.annotation);
    if (at < 0) at = recent.push(told.opened) - 1;
  }
  const shown = () => (at >= 0 ? recent[at] : fresh);

  const tags = (meta) => Object.values(meta)
    .filter((v) => ["string", "number"].includes(typeof v) && `${v}`.length > 0 && `${v}`.length <= 40).slice(0, 3);
  const el = (name, className, text) => Object.assign(document.createElement(name), { className, textContent: text });
  const show = () => {
    const now = shown(), item = now?.item;
    $("text").textContent = item ? item.text : "The next text comes as soon as the connection is back.";
    if (item) {
      const words = (item.text.match(/\S+/g) ?? []).length;
      $("about").replaceChildren(el("b", "", `Text ${item.id}`), ...tags(item.meta).map((v, n) => el("span", n ? "desk" : "", v)),
        el("span", "push faint desk", `${words.toLocaleString("en")} word${words === 1 ? "" : "s"}`));
    }
    for (const b of form.querySelectorAll(".lab")) {
      b.disabled = !item;
      b.toggleAttribute("aria-pressed", false);
      if (at >= 0 && b.value === now.label) b.setAttribute("aria-pressed", "true");
    }
    comment.value = now?.comment ?? "";
    for (const r of document.querySelectorAll("[name=difficulty]")) r.checked = Number(r.value) === now?.difficulty;
    $("hint").textContent = at >= 0 ? "Your answer is marked; another one replaces it" : "One answer; the key answers and moves on";
    $("recent").replaceChildren(...recent.slice(0, Math.max(SHOWN, at + 1)).slice(-SHOWN).map((r) => {
      const li = el("li", "", ""), a = el("a", "", ""), b = el("b", "clip", r.label);
      a.href = r.annotation ? `${told.urls.page}?answer=${r.annotation}` : told.urls.page;
      a.dataset.recent = recent.indexOf(r);
      if (r === now) a.setAttribute("aria-current", "true");
      if (r.flagged) b.append(flag.querySelector("summary svg").cloneNode(true));
      a.append(b, el("span", "clip", r.item.text.slice(0, 60)));
      li.append(a);
      return li;
    }));
    if (now !== timed) [timed, seen, since] = [now, 0, performance.now()];
  };
  const goTo = (place) => {
    keepDraft();
    at = place;
    show();
  };
  const keepDraft = () => {
    if (at >= 0 || !fresh) return;
    fresh.comment = comment.value;
    fresh.difficulty = difficulty();
  };
  const difficulty = () => Number(document.querySelector("[name=difficulty]:checked")?.value) || null;
  const activeSeconds = () => Math.round(Math.min(LONGEST, (seen + (document.hidden ? 0 : performance.now() - since)) / 1000) * 10) / 10;
  const moveOn = () => {
    at = -1;
    fresh = ahead.shift() ?? null;
    show();
    fill();
  };

  /* The next texts. What the server still counts as mine but I have answered is left out. */
  const fill = async () => {
    if (filling || !form || outbox.running || ahead.length + (fresh ? 1 : 0) >= told.count) return;
    filling = true;
    clearTimeout(fillTimer);
    try {
      const headers = { "Content-Type": "application/json", "X-CSRFToken": csrf };
      const answer = await fetch(told.urls.next, { method: "POST", headers, body: JSON.stringify({ count: told.count }), signal: AbortSignal.timeout(20000) });
      if (!answer.ok) throw new Error(answer.status);
      const given = await answer.json();
      gauge("mine", given.progress.mine, given.progress.round_total);
      gauge("round", given.progress.round_done, given.progress.round_total);
      const held = new Set([fresh?.id, ...ahead.map((a) => a.id)]);
      ahead.push(...given.assignments.filter((a) => !held.has(a.id) && !outbox.holds(a.id)));
      if (given.guideline_version !== told.guideline_version && !outbox.jobs.length && !comment.value) {
        sessionStorage.setItem(marker, "changed");
        return location.assign(told.urls.page);
      }
      if (!fresh && at < 0) {
        if (!ahead.length && given.reason && !outbox.jobs.length) return location.assign(told.urls.page);
        fresh = ahead.shift() ?? null;
        show();
      }
    } catch {
      fillTimer = setTimeout(fill, 3000);
    } finally {
      filling = false;
    }
  };
  const gauge = (name, value, total) => {
    for (const g of document.querySelectorAll(`[data-gauge=${name}]`)) {
      g.children[1].textContent = `${value.toLocaleString("en")} of ${total.toLocaleString("en")}`;
      Object.assign(g.querySelector("progress"), { max: total, value });
    }
  };

  /* What can be done */
  const answer = (button) => {
    const now = shown();
    if (!now || pressing) return;
    pressing = true;
    for (const b of form.querySelectorAll(".lab")) b.toggleAttribute("aria-pressed", false);
    button.setAttribute("aria-pressed", "true");
    const label = button.value, sent = { label, comment: comment.value, difficulty: difficulty() };
    const seconds = activeSeconds();
    if (at >= 0) revise(now, sent);
    else {
      const key = Outbox.key();
      outbox.add({ method: "POST", url: told.urls.answer.replace("/0/", `/${now.id}/`), key, assignment: now.id, about: now.item.text, body: { key, seconds, ...sent } });
      recent.unshift({ annotation: null, key, item: now.item, flagged: now.flagged, ...sent });
      recent.splice(WALK);
      skipped = null;
    }
    const fromFresh = at < 0;
    setTimeout(() => {
      pressing = false;
      closePops();
      if (fromFresh) moveOn();
      else goBack();
      say(fromFresh ? `${label}. Next text.` : `${label}. Revised.`);
    }, MOMENT);
  };
  const goBack = () => {
    at = -1;
    show();
    fill();
  };
  const revise = (entry, changes) => {
    if (Object.entries(changes).every(([name, value]) => (entry[name] ?? null) === value)) return;
    Object.assign(entry, changes);
    const url = entry.annotation ? told.urls.annotation.replace("/0/", `/${entry.annotation}/`) : told.urls.annotation;
    outbox.add({ method: "PATCH", url, after: entry.annotation ? null : entry.key, about: entry.item.text, body: changes });
  };
  const skip = () => {
    if (at >= 0) return goBack();
    if (!fresh || pressing) return;
    outbox.add({ method: "POST", url: told.urls.skip.replace("/0/", `/${fresh.id}/`), assignment: fresh.id, about: fresh.item.text, body: { reason: comment.value.slice(0, 500) } });
    skipped = fresh;
    moveOn();
    say("Skipped; others get this text. Z brings it back.");
  };
  const undo = () => {
    if (pressing) return;
    if (skipped) {
      keepDraft();
      if (fresh) ahead.unshift(fresh);
      [fresh, skipped, at] = [skipped, null, -1];
      show();
      return say("The skipped text is back");
    }
    if (!recent.length) return say("Nothing to undo");
    goTo(0);
    say("Your last answer: press another label to replace it, → to go on");
  };
  const walk = (step) => {
    const place = at + step;
    if (place < -1 || place >= recent.length) return say(step > 0 ? "No older texts here" : "This is the text at hand");
    goTo(place);
  };
  const flagText = (sent) => {
    const now = shown();
    if (!now) return;
    const kind = sent.get("kind"), note = sent.get("note").trim();
    if (kind === "other" && !note) return $("fnote").focus();
    outbox.add({ method: "POST", url: told.urls.flags.replace("/0/", `/${now.item.id}/`), about: now.item.text, body: { kind, note } });
    now.flagged = true;
    closePops();
    $("fnote").value = "";
    say("Flagged. You can still answer this text.");
    keepDraft();
    show();
  };
  const closePops = () => { for (const d of document.querySelectorAll("details.pop[open]")) d.open = false; };
  const toggle = (id) => {
    const it = $(id);
    if (it?.popover != null) return it.togglePopover();
    if (!it) return;
    const open = !it.open;
    closePops();
    it.open = open;
    if (open) it.querySelector("textarea, input:checked")?.focus();
  };

  if (form) {
    form.addEventListener("submit", (e) => {
      e.preventDefault();
      if (e.submitter?.matches(".lab")) answer(e.submitter);
    });
    flag.querySelector("form").addEventListener("submit", (e) => {
      e.preventDefault();
      flagText(new FormData(e.target));
    });
    $("keep").hidden = false;
    $("keep").addEventListener("click", () => {
      closePops();
      if (at >= 0) revise(shown(), { comment: comment.value, difficulty: difficulty() });
      say(at >= 0 ? "Comment kept" : "The comment goes with your answer");
    });
    addEventListener("click", (e) => {
      const act = e.target.closest("[data-act]")?.dataset.act, link = e.target.closest("[data-recent]");
      if (!act && !link || e.ctrlKey || e.metaKey || e.shiftKey) return;
      e.preventDefault();
      if (act) ({ undo, skip })[act]();
      else goTo(Number(link.dataset.recent));
    });
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) seen += performance.now() - since;
      since = performance.now();
    });
  }

  const flagKinds = { m: "mislabeled", u: "unsolvable", n: "noisy", a: "ambiguous", o: "other" };
  addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented) return;
    const typing = e.target.matches("input:not([type=radio]), textarea, select");
    const k = e.key.toLowerCase();
    if (k === "escape") {
      if ($("guide")?.matches(":popover-open")) $("guide").hidePopover();
      if (typing) e.target.blur();
      return;
    }
    if (form && e.key === "Enter" && flag.open && flag.contains(e.target) && !e.target.matches("button")) {
      e.preventDefault();
      return flag.querySelector("form").requestSubmit();
    }
    if (typing || !keysOn) return;
    if (form && (k === "arrowleft" || k === "arrowright") && !e.target.matches("input")) {
      e.preventDefault();
      return walk(k === "arrowleft" ? 1 : -1);
    }
    if (form && flag.open && flagKinds[k]) {
      e.preventDefault();
      flag.querySelector(`[value=${flagKinds[k]}]`).checked = true;
      return k === "o" ? $("fnote").focus() : undefined;
    }
    const hit = form?.querySelector(`[data-hotkey="${CSS.escape(k)}"]`);
    const acts = form ? { z: undo, s: skip, c: () => toggle("comment"), f: () => toggle("flag") } : {};
    const act = hit && k ? () => answer(hit) : { ...acts, g: () => toggle("guide"), "?": () => toggle("keys") }[k];
    if (!act || e.repeat) return;
    e.preventDefault();
    act();
  });

  if (sessionStorage.getItem(marker)) {
    sessionStorage.removeItem(marker);
    trouble("The guideline has changed. Press G and read what is new before you go on.");
  }
  if (form) show();
  if (outbox.jobs.length) outbox.flush();
  else if (form) fill();
})();
