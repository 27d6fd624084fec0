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

  /* Keeps the clock of this sitting on the screen, against its limit in minutes if there is one */
  show(limit) {
    const tick = () => {
      const s = Math.floor(this.sitting()), words = `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
      for (const time of document.querySelectorAll("[data-clock]")) time.textContent = time.dataset.clock === "minutes" ? Math.floor(s / 60) : words;
      for (const bar of document.querySelectorAll("[data-clock-bar]")) bar.value = limit ? Math.min(s, 60 * limit) : 0;
    };
    tick();
    setInterval(tick, 1000);
  }
};
