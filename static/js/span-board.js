/* Draws a text with its marked spans. Where spans may overlap each has a lane under the line, the innermost nearest to
   the text; otherwise it is a mark with its label behind it. What is suggested is underlined. Offsets here are UTF-16 units. */
window.SpanBoard = class SpanBoard {
  constructor(box, colours, lanes) {
    Object.assign(this, { box, colours, lanes, pieces: [] });
  }

  static LANES = 5;

  /* The lane of each span: one more than the highest of the shorter ones that it shares a character with */
  static laned(spans) {
    const placed = [];
    for (const span of [...spans].sort((a, b) => a.end - a.start - (b.end - b.start) || a.start - b.start)) {
      const under = placed.filter((other) => other.start < span.end && span.start < other.end);
      span.lane = Math.max(0, ...under.map((other) => other.lane)) + 1;
      placed.push(span);
    }
  }

  draw(units, spans, selection, suggested = []) {
    if (this.lanes) SpanBoard.laned(spans);
    const cuts = new Set([0, units.text.length]);
    for (const { start, end } of [...units.words, ...spans, ...suggested, ...(selection ? [selection] : [])]) cuts.add(start).add(end);
    const edges = [...cuts].sort((a, b) => a - b);
    const starting = [...spans].sort((a, b) => a.start - b.start || b.end - a.end);
    let live = [], next = 0, mark = null;
    this.pieces = [];
    const nodes = [];
    for (let n = 0; n + 1 < edges.length; n++) {
      const [start, end] = [edges[n], edges[n + 1]];
      live = live.filter((span) => span.end > start);
      while (next < starting.length && starting[next].start <= start) live.push(starting[next++]);
      const piece = Object.assign(document.createElement("span"), { className: "tok", textContent: units.text.slice(start, end) });
      piece.classList.toggle("sug", suggested.some((span) => span.start <= start && end <= span.end));
      this.pieces.push({ el: piece, start, end });
      if (this.lanes) nodes.push(this.nested(piece, live, start));
      else if (!live.length) nodes.push(piece);
      else {
        if (mark?.span !== live[0]) nodes.push((mark = { span: live[0], el: this.marked(live[0]) }).el);
        mark.el.append(piece);
      }
    }
    /* In one piece: a text that finds its direction by itself looks through the whole of itself for each child that comes */
    const whole = document.createElement("span");
    whole.append(...nodes);
    this.box.replaceChildren(whole);
  }

  marked(span) {
    const el = document.createElement("mark");
    el.className = `sp c${this.colours.get(span.label) ?? 1}`;
    el.dataset.l = span.label;
    return el;
  }

  nested(piece, live, start) {
    let inner = piece;
    for (const span of [...live].sort((a, b) => a.lane - b.lane)) {
      const around = document.createElement("span");
      around.className = `ov c${this.colours.get(span.label) ?? 1} l${Math.min(span.lane, SpanBoard.LANES)}`;
      if (span.start === start) {
        around.classList.add("start");
        around.dataset.l = span.label;
      }
      around.span = span;
      around.append(inner);
      inner = around;
    }
    return inner;
  }

  /* Cursor, selection and the chosen span, without drawing anew */
  paint(cursor, selection, chosen) {
    for (const { el, start, end } of this.pieces) {
      el.classList.toggle("cur", Boolean(cursor) && start >= cursor.start && end <= cursor.end);
      el.classList.toggle("sel", Boolean(selection) && start >= selection.start && end <= selection.end);
    }
    if (this.lanes) for (const el of this.box.querySelectorAll(".ov")) el.classList.toggle("on", el.span === chosen);
    else for (const el of this.box.querySelectorAll(".sp")) {
      const first = this.pieces.find((piece) => el.contains(piece.el));
      el.classList.toggle("on", Boolean(chosen) && first?.start === chosen.start);
    }
  }

  /* The UTF-16 unit of a place in the document */
  unit(node, offset) {
    const range = document.createRange();
    range.setStart(this.box, 0);
    range.setEnd(node, offset);
    return range.toString().length;
  }

  scrollTo(unit) {
    this.pieces.find(({ start, end }) => start <= unit && unit < end)?.el.scrollIntoView({ block: "nearest" });
  }
};
