/* A text in the units that people and the server count in. JavaScript counts UTF-16 units; the server counts Unicode code
   points; people see grapheme clusters (an emoji of seven code points is one thing) and move by words. */
window.TextUnits = class TextUnits {
  constructor(text) {
    this.text = text;
    this.points = new Uint32Array(text.length + 1); // code points before each UTF-16 unit
    this.units = []; // the UTF-16 unit at which each code point begins
    for (let at = 0; at < text.length; ) {
      const wide = text.codePointAt(at) > 0xffff ? 2 : 1;
      this.points.fill(this.units.length, at, at + wide);
      this.units.push(at);
      at += wide;
    }
    this.points[text.length] = this.units.length;
    this.units.push(text.length);
    this.clusters = [...TextUnits.graphemes(text), text.length];
    this.words = TextUnits.wordsOf(text).map(([start, end]) => ({ start: this.floor(start), end: this.ceil(end) }));
  }

  static *graphemes(text) {
    if (Intl.Segmenter) {
      for (const { index } of new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text)) yield index;
      return;
    }
    /* Without a segmenter: what combines, modifies or is joined stays with what is before it */
    let before = "", flags = 0, at = 0;
    for (const point of text) {
      const flag = /\p{RI}/u.test(point);
      const stays = /^[\p{M}\p{Emoji_Modifier}\u200c\u200d]$/u.test(point) || before === "\u200d" || (flag && flags % 2) || (before === "\r" && point === "\n");
      if (!stays) yield at;
      flags = flag ? flags + 1 : 0;
      before = point;
      at += point.length;
    }
  }

  /* Words and signs such as emoji; white space and punctuation lie between them */
  static wordsOf(text) {
    if (!Intl.Segmenter)
      return [...text.matchAll(/[^\s\p{P}](?:\S*[^\s\p{P}])?/gu)].map((m) => [m.index, m.index + m[0].length]);
    const found = [];
    for (const { segment, index, isWordLike } of new Intl.Segmenter(undefined, { granularity: "word" }).segment(text))
      if (isWordLike || /[\p{L}\p{N}\p{S}]/u.test(segment)) found.push([index, index + segment.length]);
    return found;
  }

  /* The place among the clusters' beginnings at or before `unit` */
  cluster(unit) {
    let low = 0, high = this.clusters.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.clusters[middle] <= unit) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  floor(unit) {
    return this.clusters[this.cluster(unit)];
  }

  ceil(unit) {
    const at = this.cluster(unit);
    return this.clusters[at] === unit ? unit : this.clusters[at + 1];
  }

  step(unit, by) {
    const at = this.cluster(unit) + by;
    return this.clusters[Math.max(0, Math.min(this.clusters.length - 1, at))];
  }

  /* Whole clusters without white space at the ends; null where nothing is left */
  snap(start, end) {
    let [from, to] = [this.floor(start), this.ceil(end)];
    while (from < to && !this.text.slice(from, this.step(from, 1)).trim()) from = this.step(from, 1);
    while (to > from && !this.text.slice(this.step(to, -1), to).trim()) to = this.step(to, -1);
    return from < to ? { start: from, end: to } : null;
  }
};
