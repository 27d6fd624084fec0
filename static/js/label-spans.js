/* Marking spans. Mouse: select, then press a label. Finger: tap the first word and the last one. Keyboard: ← → by word, Shift extends, a label's key marks, Backspace
   removes, Enter is done; Alt + ← → moves the end of the span at the cursor by a word, with Shift by a character. Where
   spans may overlap, Tab goes through those at the cursor, inside out. Sent offsets are Unicode code points. */
(window.answerShapes ??= {}).spans = ({ form, commit, say, told }) => {
  const box = document.getElementById("text"), rows = document.getElementById("rows"), send = form.querySelector("[data-send]");
  const chips = [...document.querySelectorAll(".palette .chip")], overlapping = told.overlapping;
  const colours = new Map(told.labels.map((label) => [label.name, label.color]));
  const board = new window.SpanBoard(box, colours, overlapping);
  let units = new window.TextUnits(""), spans = [], suggested = [], cursor = 0, anchor = null, free = null, chosen = null, ready = false, touched = false;

  const quoted = (span) => units.text.slice(span.start, span.end);
  const short = (span) => (quoted(span).length > 25 ? `${quoted(span).slice(0, 24).trim()}…` : quoted(span));
  const touching = (a, b) => a.start < b.end && b.start < a.end;
  const crossing = (a, b) => touching(a, b) && !((a.start <= b.start && b.end <= a.end) || (b.start <= a.start && a.end <= b.end));
  const word = () => units.words[cursor];
  const selection = () => {
    if (free || anchor === null) return free;
    return { start: units.words[Math.min(anchor, cursor)].start, end: units.words[Math.max(anchor, cursor)].end };
  };
  const here = () => {
    const at = word();
    return at ? spans.filter((span) => touching(span, at)).sort((a, b) => a.end - a.start - (b.end - b.start) || a.start - b.start) : [];
  };
  const at = () => chosen ?? here()[0] ?? null;
  const rightToLeft = () => getComputedStyle(box).direction === "rtl";

  const paint = () => board.paint(document.activeElement === box ? word() : null, selection(), chosen ?? (overlapping ? null : at()));
  const draw = () => {
    spans.sort((a, b) => a.start - b.start || b.end - a.end);
    board.draw(units, spans, free, suggested);
    paint();
    list();
  };
  const changed = () => {
    draw();
    form.dispatchEvent(new Event("change", { bubbles: true }));
  };
  const place = (unit) => {
    const found = units.words.findIndex(({ end }) => end > unit);
    cursor = found < 0 ? Math.max(0, units.words.length - 1) : found;
  };
  const choose = (span) => {
    [chosen, free, anchor] = [span, null, null];
    if (span) place(span.start);
    draw();
    if (span) board.scrollTo(span.start);
  };

  /* The list beside the text */
  const list = () => {
    const n = spans.length, crossed = spans.filter((a) => spans.some((b) => crossing(a, b))).length;
    document.getElementById("count").textContent = `${n} marked${crossed ? `, ${crossed} of them cross` : ""}`;
    rows.replaceChildren(...spans.map(row));
    document.getElementById("nospans").hidden = n > 0;
  };
  const el = (name, className, text = "") => Object.assign(document.createElement(name), { className, textContent: text });
  const row = (span) => {
    const tr = el("tr", ""), cells = ["", "", "n faint", "n"].map((className) => el("td", className));
    const depth = spans.filter((o) => o !== span && o.start <= span.start && span.end <= o.end && o.end - o.start > span.end - span.start).length;
    const label = el("select", `tag c${colours.get(span.label) ?? 1}`);
    for (const { name } of told.labels) label.add(new Option(name, name, false, name === span.label));
    if (!colours.has(span.label)) label.add(new Option(span.label, span.label, false, true));
    label.setAttribute("aria-label", `Label of “${short(span)}”`);
    label.addEventListener("change", () => relabel(span, label.value));
    const text = el("button", "btn quiet small spantext"), words = el("b", "", short(span));
    words.dir = "auto";
    text.type = "button";
    text.append(words);
    text.addEventListener("click", () => {
      choose(span);
      box.focus();
    });
    const across = spans.filter((other) => crossing(span, other));
    cells[1].append(text);
    if (across.length) cells[1].append(el("span", "xs faint crosses", `crosses ${across.map((other) => other.label).join(", ")}`));
    const remove = el("button", "btn quiet small icon");
    remove.type = "button";
    remove.setAttribute("aria-label", `Remove ${span.label} “${short(span)}”`);
    remove.append(document.getElementById("cross").content.cloneNode(true));
    remove.addEventListener("click", () => unmark(span));
    cells[0].className = `d${Math.min(depth, 2)}`;
    cells[0].append(label);
    cells[2].textContent = `${units.points[span.start]}–${units.points[span.end]}`;
    cells[3].append(remove);
    if (span === chosen) tr.setAttribute("aria-selected", "true");
    tr.append(...cells);
    return tr;
  };

  /* What can be done */
  const refused = (span, self) => {
    const others = spans.filter((other) => other !== self && touching(other, span));
    if (others.some((other) => other.start === span.start && other.end === span.end && other.label === span.label))
      return `This is marked as ${span.label} already`;
    const inWay = others.find((other) => !overlapping || other.label === span.label);
    if (!inWay) return "";
    return overlapping
      ? `${span.label} may not overlap ${span.label} “${short(inWay)}”. Remove that one first.`
      : `Spans may not overlap here, and “${short(inWay)}” is ${inWay.label}. Remove that one first.`;
  };
  const relabel = (span, label) => {
    const wrong = label === span.label ? "" : refused({ ...span, label }, span);
    if (wrong) say(wrong);
    else span.label = label;
    changed();
  };
  const mark = (label) => {
    if (!ready) return;
    for (const chip of chips) chip.setAttribute("aria-pressed", String(chip.dataset.label === label));
    const range = selection() ?? (overlapping ? chosen : at()) ?? word();
    if (!range) return say("There is no word to mark in this text");
    const same = !overlapping && spans.find((span) => span.start === range.start && span.end === range.end);
    if (same) relabel(same, label);
    else {
      const made = { start: range.start, end: range.end, label }, wrong = refused(made);
      if (wrong) return say(wrong);
      spans.push(made);
      chosen = overlapping ? made : null;
      place(made.end - 1);
    }
    [anchor, free] = [null, null];
    changed();
    palette.used(label);
    say(`“${short(range)}”: ${label}`, true);
  };
  const palette = window.spanLabels(chips, mark, () => box.focus({ preventScroll: true }));
  const unmark = (span) => {
    spans = spans.filter((other) => other !== span);
    if (chosen === span) chosen = null;
    changed();
    say(`${span.label} “${short(span)}” removed`, true);
    box.focus();
  };
  const moveEnd = (step, byCharacter) => {
    const pending = selection(), span = pending ?? at();
    if (!span) return say("Put the cursor on a span, or select something first");
    const ends = units.words.map(({ end }) => end);
    const end = byCharacter ? units.step(span.end, step)
      : step > 0 ? ends.find((one) => one > span.end) ?? span.end : ends.findLast((one) => one < span.end) ?? span.end;
    if (end <= span.start) return;
    if (pending) free = { start: pending.start, end };
    else {
      const wrong = refused({ ...span, end }, span);
      if (wrong) return say(wrong);
      span.end = end;
      place(Math.max(span.start, end - 1));
      if (overlapping) chosen = span;
    }
    pending ? draw() : changed();
    say(`“${units.text.slice(span.start, end)}”`, true);
  };
  const move = (step, extend) => {
    if (!units.words.length) return;
    if (!extend) [anchor, free] = [null, null];
    else if (anchor === null) [anchor, free] = [cursor, null];
    if (chosen) [chosen] = [null, rows.querySelector("[aria-selected]")?.removeAttribute("aria-selected")];
    cursor = Math.max(0, Math.min(units.words.length - 1, cursor + step));
    paint();
    board.scrollTo(word().start);
    const labels = here().map((span) => span.label).join(", ");
    say(extend ? quoted(selection()) : `${quoted(word())}${labels ? `, ${labels}` : ""}`, true);
  };
  const throughSpans = () => {
    const found = here(), after = found[found.indexOf(chosen) + 1];
    if (!overlapping || !after) return false; // the last one: Tab leaves the text
    const stay = cursor;
    choose(after);
    cursor = stay;
    paint();
    say(`${after.label}: ${quoted(after)}`, true);
    return true;
  };
  const fromPoints = ({ start, end, label }) => ({ start: units.units[start], end: units.units[end], label });
  /* What is suggested is marked as if by hand, beside what is marked already */
  const takeOver = (offered) => {
    if (!ready) return;
    const before = spans.length;
    for (const span of offered.map(fromPoints)) if (colours.has(span.label) && !refused(span)) spans.push(span);
    const n = spans.length - before;
    [anchor, free, chosen] = [null, null, null];
    changed();
    say(n === offered.length ? `${n} taken over` : `${n} taken over; ${offered.length - n} did not fit beside what is marked`);
  };
  const done = () => {
    if (!ready) return;
    ready = false; // until the next text is here
    commit({ spans: sent() });
  };
  const sent = () => spans.map(({ start, end, label }) => ({ start: units.points[start], end: units.points[end], label }));

  /* Mouse and touch */
  const fromDocument = () => {
    const made = getSelection();
    if (!made.rangeCount || made.isCollapsed) return;
    const range = made.getRangeAt(0);
    if (!box.contains(range.startContainer) || !box.contains(range.endContainer)) return;
    free = units.snap(board.unit(range.startContainer, range.startOffset), board.unit(range.endContainer, range.endOffset));
    if (!free) return;
    [anchor, chosen] = [null, null];
    place(free.start);
    made.removeAllRanges();
    box.focus({ preventScroll: true });
    draw();
    say(`Selected: ${quoted(free)}`, true);
  };
  /* A tap takes a word, the next one all words up to there; one within what is taken begins anew */
  const tapped = ({ start }) => {
    place(start);
    const tap = word(), within = free && free.start <= tap.start && tap.end <= free.end;
    const again = within && free.start === tap.start && free.end === tap.end;
    const span = free ? null : here().find((one) => one.start <= start && start < one.end) ?? null;
    chosen = overlapping ? span : null;
    if (span || again) free = null;
    else if (free && !within) free = { start: Math.min(free.start, tap.start), end: Math.max(free.end, tap.end) };
    else free = { start: tap.start, end: tap.end };
    anchor = null;
    draw();
    say(free ? `Selected: ${quoted(free)}` : span ? `${span.label}: ${quoted(span)}` : "Nothing is selected", true);
  };
  box.addEventListener("pointerup", () => setTimeout(fromDocument));
  box.addEventListener("click", (e) => {
    const piece = board.pieces.find(({ el: token }) => token === e.target);
    if (touched) {
      if (piece && units.words.some((one) => one.start <= piece.start && piece.start < one.end)) tapped(piece);
      return;
    }
    if (!piece || free || !getSelection().isCollapsed) return; // the end of a drag is not a click
    place(piece.start);
    anchor = null;
    chosen = overlapping ? null : here().find((span) => span.start <= piece.start && piece.start < span.end) ?? null;
    draw();
  });
  box.addEventListener("pointerdown", (e) => {
    touched = e.pointerType === "touch";
    if (e.button || !free || touched) return;
    free = null;
    paint();
  });
  document.addEventListener("selectionchange", () => {
    if (matchMedia("(pointer: coarse)").matches) clearTimeout(box.timer), (box.timer = setTimeout(fromDocument, 600));
  });
  for (const name of ["focus", "blur"]) box.addEventListener(name, paint);
  for (const chip of chips) {
    chip.addEventListener("pointerdown", (e) => e.preventDefault()); // the selection stays
    chip.addEventListener("click", () => mark(chip.dataset.label));
  }
  form.addEventListener("submit", (e) => {
    e.preventDefault();
    done();
  });

  return {
    hint: () => "",
    words: ({ spans: { length: n } }) => (n ? `${n} span${n === 1 ? "" : "s"}` : "no spans"),
    draft: () => (spans.length ? { spans: sent() } : null),
    used: () => {},
    show(item, value) {
      units = new window.TextUnits(item?.text ?? "");
      spans = (value?.spans ?? []).map(fromPoints);
      suggested = [];
      [cursor, anchor, free, chosen, ready] = [0, null, null, null, Boolean(item)];
      for (const control of [send, ...chips]) control.disabled = !item;
      palette.order();
      box.hidden = !item;
      draw();
      if (item && (document.activeElement === document.body || document.activeElement === send)) box.focus({ preventScroll: true });
    },
    suggest(offered) {
      if (!offered.length) return;
      suggested = offered.map(fromPoints);
      draw();
    },
    takeOver,
    key(e, key, typing) {
      if (typing ? e.target.id === "filter" : key === "/") return palette.key(e, key);
      if (typing) return false;
      const step = { arrowright: 1, arrowleft: -1 }[key] * (rightToLeft() ? -1 : 1);
      const inText = e.target === box || e.target === document.body;
      if (step && inText) {
        e.altKey ? moveEnd(step, e.shiftKey) : move(step, e.shiftKey);
        return true;
      }
      if (e.altKey) return false;
      if (key === "tab" && !e.shiftKey && e.target === box) return throughSpans();
      if (key === "backspace" && inText) {
        const span = at();
        if (span) unmark(span);
        else say("No span is under the cursor");
        return true;
      }
      if (key === "escape" && (free || anchor !== null)) {
        [free, anchor] = [null, null];
        draw();
        return true;
      }
      if (key === "enter" && !e.target.closest("button, summary, a, select, .drawer, .pop")) {
        if (!e.repeat) done();
        return true;
      }
      const chip = key.length === 1 && !e.shiftKey && chips.find((c) => c.dataset.hotkey === key);
      if (chip && !e.repeat) mark(chip.dataset.label);
      return Boolean(chip);
    },
  };
};
