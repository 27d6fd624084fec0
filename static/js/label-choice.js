/* One label for each text: a press on it answers, and the next text is there while the press can still be seen. */
(window.answerShapes ??= {}).classification = ({ form, commit }) => {
  const MOMENT = 140;
  const buttons = () => [...form.querySelectorAll(".lab")];
  let timer, just = null;

  const choose = (button) => {
    if (just === button || button.disabled) return; // a key that bounces, a double click
    for (const b of buttons()) b.classList.toggle("just", b.value === button.value);
    just = button;
    clearTimeout(timer);
    timer = setTimeout(() => {
      for (const b of buttons()) b.classList.remove("just");
      just = null;
    }, MOMENT);
    commit({ label: button.value });
  };
  const list = window.labelList?.(form, choose);

  form.addEventListener("submit", (e) => {
    e.preventDefault();
    if (e.submitter?.matches(".lab")) choose(e.submitter);
  });
  form.addEventListener("click", (e) => {
    if (e.detail > 1 && e.target.closest(".lab")) e.preventDefault();
  });

  return {
    hint: (own) => (own ? "Your answer is marked; another one replaces it" : "One answer; the key answers and moves on"),
    words: (value) => value.label,
    draft: () => null,
    show(item, value) {
      for (const b of buttons()) {
        b.disabled = !item;
        b.toggleAttribute("aria-pressed", false);
        if (value && b.value === value.label) b.setAttribute("aria-pressed", "true");
      }
      list?.reset(value?.label);
    },
    used: (value) => list?.used([value.label]),
    key(e, key, typing) {
      if (list?.key(e, key, typing)) return true;
      if (typing || key.length > 1 || e.shiftKey) return false;
      const hit = form.querySelector(`[data-hotkey="${CSS.escape(key)}"]`);
      if (hit && !e.repeat) choose(hit);
      return Boolean(hit);
    },
  };
};
