/* Active time. What passes in a hidden tab does not count, nor what passes more than two minutes after the last sign of
   life. `clock.restart()` begins a new text, `clock.text()` and `clock.sitting()` are seconds. */
window.ActiveClock = class ActiveClock {
  constructor(sitting) {
    Object.assign(this, { before: sitting, total: 0, begun: 0, last: performance.now(), hidden: document.hidden });
    for (const name of ["keydown", "pointerdown", "pointermove", "wheel", "scroll", "touchmove"])
      addEventListener(name, () => this.note(), { passive: true, capture: true });
    document.addEventListener("visibilitychange", () => {
      this.note();
      this.hidden = document.hidden;
    });
  }

  static IDLE = 120;

  pending() {
    return this.hidden ? 0 : Math.min((performance.now() - this.last) / 1000, ActiveClock.IDLE);
  }

  note() {
    this.total += this.pending();
    this.last = performance.now();
  }

  restart() {
    this.note();
    this.begun = this.total;
  }

  text() {
    return Math.round((this.total + this.pending() - this.begun) * 10) / 10;
  }

  sitting() {
    return this.before + this.total + this.pending();
  }
};
