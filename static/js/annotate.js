/* The annotate page: the text at hand and the next ones, my last texts, keys. How an answer looks is the business of its
   shape (label-choice.js, label-set.js, label-spans.js); every press goes into the outbox (outbox.js). Without scripts the
   page is a plain form. */
(() => {
  const $ = (id) => document.getElementById(id);
  const told = JSON.parse($("labelling").textContent);
  const form = $("answer"), comment = $("cm"), flag = $("flag");
  const csrf = document.querySelector("[name=csrfmiddlewaretoken]").value;
  const SHOWN = 6, WALK = 20, MOST = 20, RATINGS = ["difficulty", "confidence"];
  const keysOn = document.documentElement.dataset.keys !== "off";
  const drafts = `loupe-draft:${told.user}:${told.project}`;
  const { say, offerUndo, halt, outbox: makeOutbox } = window.annotateNotices(told.project, told.user);
  const clock = new window.ActiveClock(told.sitting.seconds);
  let fillTimer, filling = false, refusedAll = false, mine = told.progress.mine, stopping = "";

  /* What is on the screen: the text at hand (fresh), or one of my last ones (recent[at]) */
  const recent = told.recent;
  const gone = new Set(); // answered or skipped here, or in another tab; the server may not know yet
  let ahead = [], fresh = null, at = -1, skipped = null, timed = null;
  const shown = () => (at >= 0 ? recent[at] : fresh);

  const outbox = makeOutbox(csrf, {
    stored(job, answer) {
      const entry = job.key && recent.find((r) => r.key === job.key);
      if (entry) entry.annotation = answer.id;
      if (job.assignment && answer.feedback) window.goldFeedback?.(answer.feedback, job);
    },
    idle: () => fill(),
    stopped() {
      refusedAll = true; // paused, or signed out: `next` says which
      fill();
    },
    refused(job) {
      gone.delete(job.assignment); // if it is still mine, it comes again
      const place = recent.findIndex((r) => job.key && r.key === job.key);
      if (place < 0) return;
      recent.splice(place, 1);
      if (at >= place) at -= 1;
      if (at >= place - 1) show();
    },
    elsewhere(job) {
      if (!job.assignment) return;
      gone.add(job.assignment);
      ahead = ahead.filter((one) => one.id !== job.assignment);
      if (fresh?.id === job.assignment) moveOn("You did this text in another tab. ");
      fill();
    },
  });
  const shape = window.answerShapes[told.task]({ form, told, say, commit: (value) => answer(value) });
  const suggestion = window.suggestionRow({ form, told, csrf, say, shape });

  const el = (name, className, text) => Object.assign(document.createElement(name), { className, textContent: text });
  const tags = (meta) => Object.values(meta)
    .filter((v) => ["string", "number"].includes(typeof v) && `${v}`.length > 0 && `${v}`.length <= 40).slice(0, 3);
  const show = () => {
    const now = shown(), item = now?.item ?? null, own = at >= 0;
    if (told.task !== "spans") $("text").textContent = item?.text ?? "";
    $("text").hidden = !item;
    $("waiting").hidden = Boolean(item);
    if (item) {
      const words = (item.text.match(/\S+/g) ?? []).length;
      $("about").replaceChildren(el("b", "", `Text ${item.id}`), ...tags(item.meta).map((v, n) => el("span", n ? "desk" : "", v)),
        el("span", "push faint desk", `${words.toLocaleString("en")} word${words === 1 ? "" : "s"}`));
    }
    shape.show(item, now?.value ?? null, own);
    suggestion.show(now, own);
    comment.value = now?.comment ?? "";
    for (const name of RATINGS)
      for (const r of document.querySelectorAll(`[name=${name}]`)) r.checked = Number(r.value) === now?.[name];
    if ($("hint")) $("hint").textContent = shape.hint(own);
    strip(now);
    if (item) document.querySelector(".anno").classList.toggle("long", $("text").scrollHeight > innerHeight / 2);
    if (now !== timed) {
      if (timed) scrollTo(0, 0); // a long text before it may have been scrolled
      timed = now;
      clock.restart();
    }
  };
  const strip = (now) => {
    $("recent").replaceChildren(...recent.slice(0, Math.max(SHOWN, at + 1)).slice(-SHOWN).map((r) => {
      const li = el("li", "", ""), a = el("a", "", ""), b = el("b", "clip", shape.words(r.value)), text = el("span", "clip", r.item.text.slice(0, 60));
      a.href = r.annotation ? `${told.urls.page}?answer=${r.annotation}` : told.urls.page;
      a.dataset.recent = recent.indexOf(r);
      if (r === now) a.setAttribute("aria-current", "true");
      if (r.flagged) b.append(flag.querySelector("summary svg").cloneNode(true));
      text.dir = "auto";
      a.append(b, text);
      li.append(a);
      return li;
    }));
  };
  const rating = (name) => Number(document.querySelector(`[name=${name}]:checked`)?.value) || null;
  const extras = () => {
    const asked = RATINGS.filter((name) => document.querySelector(`[name=${name}]`));
    return { comment: comment.value, ...Object.fromEntries(asked.map((name) => [name, rating(name)])) };
  };

  /* What is begun on the text at hand outlives a reload */
  const keepDraft = () => {
    if (at >= 0 || !fresh) return;
    Object.assign(fresh, extras(), { value: shape.draft() });
    const { id, value, comment: said, difficulty, confidence } = fresh;
    try {
      if (value || said || difficulty || confidence) localStorage.setItem(drafts, JSON.stringify({ id, value, comment: said, difficulty, confidence }));
      else localStorage.removeItem(drafts);
    } catch { /* it lives as long as the page */ }
  };
  const recallDraft = () => {
    try {
      const kept = JSON.parse(localStorage.getItem(drafts) ?? "null");
      if (kept && kept.id === fresh?.id) Object.assign(fresh, kept);
    } catch { /* there is none */ }
  };
  const dropDraft = () => {
    try {
      localStorage.removeItem(drafts);
    } catch { /* it never was there */ }
  };

  const goTo = (place) => {
    keepDraft();
    at = place;
    show();
  };
  const goBack = () => {
    at = -1;
    show();
    fill();
  };
  /* The next text. Some come a second time; what was answered then is not to be seen beside it */
  const takeUp = () => {
    fresh = ahead.shift() ?? null;
    for (const before of recent.filter(({ item }) => item.id === fresh?.item.id)) recent.splice(recent.indexOf(before), 1);
    recallDraft();
    show();
  };
  const moveOn = (message) => {
    at = -1;
    takeUp();
    say(fresh ? `${message}Next text.` : message);
    if (fresh) $("said").textContent = `${message}Next text. ${fresh.item.text.slice(0, 400)}${suggestion.inWords(fresh)}`;
  };
  const leave = () => {
    if (stopping !== "paused" && outbox.jobs.length) return;
    location.assign(told.urls.page + (stopping === "changed" ? "?changed" : ""));
  };

  const wait = (words) => { $("waiting").textContent = words; };

  /* The next texts. What the server still counts as mine but I have dealt with is left out. */
  const short = () => ahead.length + (fresh ? 1 : 0) < told.count;
  const fill = async () => {
    if (stopping) return fresh || at >= 0 ? undefined : leave();
    if (filling || !(short() || refusedAll)) return;
    filling = true;
    refusedAll = false;
    clearTimeout(fillTimer);
    let more = 0;
    try {
      const pending = outbox.jobs.filter((job) => job.assignment).length;
      const wanted = JSON.stringify({ count: Math.min(told.count + pending, MOST) });
      const headers = { "Content-Type": "application/json", "X-CSRFToken": csrf };
      const said = await fetch(told.urls.next, { method: "POST", headers, body: wanted, signal: AbortSignal.timeout(20000) });
      if (said.ok) {
        outbox.resume();
        if (["?again", "?changed"].includes(location.search)) history.replaceState(null, "", told.urls.page);
        more = receive(await said.json(), pending);
      } else await hindered(said);
      wait("The next text is on its way.");
    } catch { // try again in a moment
      wait("There is no connection. What you answered is kept in this browser, and the next text comes when it is back.");
    }
    filling = false;
    if ((more && short()) || refusedAll) fill();
    else if (!fresh && !stopping) fillTimer = setTimeout(fill, 3000);
  };
  /* Signed out, signed in anew in another tab (this page's token is over then, and whose page it is may be too), or no
     member any more */
  const hindered = async (said) => {
    if (said.status === 403 && !outbox.memory.size && location.search !== "?again") {
      keepDraft();
      return location.assign(`${told.urls.page}?again`);
    }
    if ([401, 403, 404].includes(said.status)) halt((await said.json()).detail, said.status);
  };
  const receive = (given, pending) => {
    mine = pending ? Math.max(mine, given.progress.mine) : given.progress.mine;
    gauge("mine", mine, told.quota ?? given.progress.round_total);
    gauge("round", given.progress.round_done, given.progress.round_total);
    const held = new Set([fresh?.id, ...ahead.map((a) => a.id)]);
    const added = given.assignments.filter((a) => !held.has(a.id) && !gone.has(a.id) && !outbox.holds(a.id));
    ahead.push(...added);
    const over = given.reason === "done" ? !ahead.length && !outbox.jobs.length : Boolean(given.reason);
    const changed = told.screen_version !== given.screen_version;
    if (over || changed || told.guideline_version !== given.guideline_version) {
      stopping = given.reason || (changed ? "changed" : "read_guideline");
      ahead = []; // they stay mine and come back on the next page
    }
    if (stopping === "paused" || (stopping && !fresh && at < 0)) {
      keepDraft();
      leave();
    } else if (!fresh && at < 0 && ahead.length) takeUp();
    return added.length;
  };
  const gauge = (name, value, total) => {
    for (const g of document.querySelectorAll(`[data-gauge=${name}]`)) {
      g.children[1].textContent = `${value.toLocaleString("en")} of ${total.toLocaleString("en")}`;
      Object.assign(g.querySelector("progress"), { max: total, value });
    }
  };

  /* What can be done */
  const answer = (value) => {
    const now = shown();
    if (!now) return;
    const sent = { ...value, ...extras() }, words = shape.words(value), own = at >= 0;
    closePops();
    if (own) {
      revise(now, sent, words);
      goBack();
      say(`${words}. Revised.`);
    } else {
      const key = window.Outbox.key(), url = told.urls.answer.replace("/0/", `/${now.id}/`);
      gone.add(now.id);
      mine += 1;
      dropDraft();
      const job = { method: "POST", url, key, assignment: now.id, about: now.item.text.slice(0, 200), words, body: { key, seconds: clock.text(), ...sent } };
      recent.unshift({ annotation: null, key, item: now.item, flagged: now.flagged, suggestion: now.suggestion, ...extras(), value });
      recent.splice(WALK);
      skipped = null;
      moveOn(`${words}. `);
      offerUndo();
      outbox.add(job);
      fill();
    }
    shape.used(value);
  };
  const revise = (entry, changes, words) => {
    const before = { ...entry.value, comment: entry.comment, difficulty: entry.difficulty, confidence: entry.confidence };
    if (Object.entries(changes).every(([name, value]) => JSON.stringify(before[name] ?? null) === JSON.stringify(value))) return;
    const { label, labels, spans, ...rest } = changes;
    Object.assign(entry, rest);
    if (label !== undefined) entry.value = { label };
    if (labels !== undefined) entry.value = { labels };
    if (spans !== undefined) entry.value = { spans };
    const url = told.urls.annotation.replace("/0/", entry.annotation ? `/${entry.annotation}/` : "/0/");
    outbox.add({ method: "PATCH", url, after: entry.annotation ? null : entry.key, about: entry.item.text.slice(0, 200), words, body: changes });
  };
  const skip = () => {
    if (at >= 0) return goBack();
    if (!fresh) return;
    const reason = comment.value.slice(0, 500);
    gone.add(fresh.id);
    keepDraft();
    dropDraft();
    outbox.add({ method: "POST", url: told.urls.skip.replace("/0/", `/${fresh.id}/`), assignment: fresh.id, about: fresh.item.text.slice(0, 200), words: "skip", body: { reason } });
    skipped = fresh;
    closePops();
    moveOn("Skipped; others get this text. ");
    offerUndo();
    fill();
  };
  const undo = () => {
    if (skipped && at < 0) {
      keepDraft();
      if (fresh) ahead.unshift(fresh);
      [fresh, skipped, at] = [skipped, null, -1];
      gone.delete(fresh.id);
      show();
      return say("The skipped text is back");
    }
    if (at + 1 >= recent.length) return say(recent.length ? "No older texts here" : "Nothing to undo");
    goTo(at + 1);
    say(at ? "One text further back" : "Your last answer: give another one to replace it, → or S to go on");
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
    outbox.add({ method: "POST", url: told.urls.flags.replace("/0/", `/${now.item.id}/`), about: now.item.text.slice(0, 200), words: `flag: ${kind}`, body: { kind, note } });
    now.flagged = true;
    closePops();
    $("fnote").value = "";
    say("Flagged. You can still answer this text.");
    keepDraft();
    strip(now);
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
  const rate = (n) => {
    const r = document.querySelector(`[name=difficulty][value="${n}"]`);
    if (!r) return false;
    r.checked = true;
    keepDraft();
    say(`How hard: ${n} of 5`);
    return true;
  };

  /* The mouse */
  flag.querySelector("form").addEventListener("submit", (e) => {
    e.preventDefault();
    flagText(new FormData(e.target));
  });
  $("keep").hidden = false;
  $("keep").addEventListener("click", () => {
    closePops();
    if (at >= 0) revise(shown(), extras(), shape.words(shown().value));
    else keepDraft();
    say(at >= 0 ? "Comment kept" : "The comment goes with your answer");
  });
  document.addEventListener("change", keepDraft);
  comment.addEventListener("input", keepDraft);
  addEventListener("pagehide", keepDraft);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && outbox.jobs.length) outbox.flush();
  });
  addEventListener("click", (e) => {
    const act = e.target.closest("[data-act]")?.dataset.act, link = e.target.closest("[data-recent]");
    if (!act && !link || e.ctrlKey || e.metaKey || e.shiftKey) return;
    e.preventDefault();
    if (act) ({ undo, skip, suggest: suggestion.ask })[act]();
    else goTo(Number(link.dataset.recent));
  });

  /* The keys. Digits are those of the upper row even where they need Shift, and letters of another script are those that
     lie in their place, so that every keyboard has all keys. */
  const meant = (e) => {
    const digit = !e.shiftKey && e.code.match(/^Digit(\d)$/)?.[1];
    const letter = e.key.length === 1 && e.key > "\x7f" && e.code.match(/^Key([A-Z])$/)?.[1];
    return (digit || letter || e.key).toLowerCase();
  };
  const flagKinds = { m: "mislabeled", u: "unsolvable", n: "noisy", a: "ambiguous", o: "other" };
  const acts = { z: undo, s: skip, c: () => toggle("comment"), f: () => toggle("flag"), g: () => toggle("guide"), h: suggestion.ask, "?": () => toggle("keys") };
  addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.defaultPrevented || e.isComposing) return;
    const typing = e.target.matches("input:not([type=radio], [type=checkbox]), textarea, select");
    const k = meant(e);
    if (k === "escape") {
      const guide = $("guide");
      if (guide?.matches(":popover-open")) guide.hidePopover();
      else if (!typing) shape.key(e, k, typing);
      if (typing) e.target.blur();
      return;
    }
    if (e.key === "Enter" && flag.open && flag.contains(e.target) && !e.target.matches("button")) {
      e.preventDefault();
      return flag.querySelector("form").requestSubmit();
    }
    if (k.length === 1 && (!keysOn || e.altKey) && k !== " ") return;
    if (!typing && flag.open && flagKinds[k]) {
      e.preventDefault();
      flag.querySelector(`[value=${flagKinds[k]}]`).checked = true;
      return k === "o" ? $("fnote").focus() : undefined;
    }
    if (!typing && flag.open && /^[a-z0-9]$/.test(k) && k !== "f") { // an answer now would leave the flag behind
      e.preventDefault();
      return say("Enter flags the text, Esc closes this");
    }
    const digit = !typing && e.shiftKey && e.code.match(/^(?:Digit|Numpad)([1-5])$/)?.[1];
    if ((digit && rate(digit)) || shape.key(e, k, typing)) return e.preventDefault();
    if (typing || e.altKey) return;
    if ((k === "arrowleft" || k === "arrowright") && !e.target.matches("input")) {
      e.preventDefault();
      return walk(k === "arrowleft" ? 1 : -1);
    }
    if (!acts[k] || e.repeat) return;
    e.preventDefault();
    acts[k]();
  });

  /* Begin */
  clock.show(told.sitting.limit);
  ahead = told.assignments.filter((one) => !outbox.holds(one.id));
  fresh = ahead.shift() ?? null;
  if (told.opened) {
    at = recent.findIndex((r) => r.annotation === told.opened.annotation);
    if (at < 0) at = recent.push(told.opened) - 1;
  }
  recallDraft();
  show();
  if (location.search === "?changed") say("The labels, or what is asked, have changed. Look before you go on.");
  if (outbox.jobs.length) outbox.flush();
  fill();
})();
