/* Several labels for each text: a key switches a label on or off, Enter sends, Backspace takes all away. "None of these"
   excludes the others and is an answer too. In a long list Enter in the filter switches, elsewhere it sends. */
(window.answerShapes ??= {}).multilabel = ({ form, commit, say }) => {
  const chosen = document.getElementById("chosen"), send = form.querySelector("[data-send]");
  const boxes = [...form.querySelectorAll("[name=labels]")], none = form.querySelector("[name=none]");
  const named = (label) => [...form.querySelectorAll("[name=labels]")].filter((b) => b.value === label);
  const names = () => boxes.filter((b) => b.checked).map((b) => b.value);
  let empty = true;

  const count = () => {
    const n = names().length;
    chosen.textContent = n ? `${n} chosen` : none.checked ? "None of these" : "Choose at least one";
    send.disabled = empty || !(n || none.checked);
  };
  const set = (label, on) => {
    for (const b of named(label)) b.checked = on;
    if (on) none.checked = false;
    count();
  };
  const clear = () => {
    for (const b of form.querySelectorAll("[name=labels]")) b.checked = false;
    none.checked = false;
    count();
  };
  const sayNone = () => {
    const on = none.checked;
    clear();
    none.checked = on;
    count();
  };
  const toggle = (control, fromFilter) => {
    const box = control.querySelector("input");
    if (box === none) {
      none.checked = !none.checked;
      sayNone();
    } else set(box.value, !box.checked);
    form.dispatchEvent(new Event("change", { bubbles: true }));
    say(`${control.dataset.label}: ${box.checked ? "chosen" : "taken away"}`, true);
    if (fromFilter) list.reset();
  };
  const done = () => {
    if (send.disabled) return say("Choose at least one label, or None of these");
    send.disabled = true; // until the next text is here: Enter held down answers one text
    commit({ labels: names() });
  };
  const list = window.labelList?.(form, toggle);

  form.addEventListener("change", (e) => {
    if (e.target === none) sayNone();
    else if (e.target.name === "labels") set(e.target.value, e.target.checked);
  });
  form.addEventListener("submit", (e) => {
    e.preventDefault();
    done();
  });

  return {
    hint: (own) => (own ? "Your answer is marked; change it and send it again" : "One or more; a key switches a label, Enter sends"),
    words: (value) => value.labels.join(", ") || "none of these",
    draft: () => (names().length || none.checked ? { labels: names(), none: none.checked } : null),
    show(item, value, own) {
      empty = !item;
      for (const b of [...form.querySelectorAll("[name=labels]"), none]) b.disabled = empty;
      list?.reset();
      clear();
      for (const label of value?.labels ?? []) set(label, true);
      none.checked = Boolean(value && !value.labels.length && (own || value.none));
      count();
    },
    used: (value) => {
      list?.used(value.labels);
    },
    key(e, key, typing) {
      if (key === "enter" && !typing && !e.target.closest("button, summary, a, .drawer, .pop")) {
        if (!e.repeat) done();
        return true;
      }
      if (key === " " && list?.on && e.target === document.body) {
        toggle(list.on);
        return true;
      }
      if (list?.key(e, key, typing)) return true;
      if (typing) return false;
      if (key === "backspace") {
        clear();
        form.dispatchEvent(new Event("change", { bubbles: true }));
        return true;
      }
      if (key.length > 1 || e.shiftKey) return false;
      const hit = form.querySelector(`[data-hotkey="${CSS.escape(key)}"]`);
      if (hit && !e.repeat && !empty) toggle(hit);
      return Boolean(hit);
    },
  };
};
