/* A case: Enter presses the form's first choice when no other control has the focus, Ctrl or Cmd with Enter from a text
   too; where the form has none, something must be chosen. Escape leaves the text, so that the keys work again. Ignored when
   the profile switches single keys off. */
(() => {
  const form = document.querySelector("form[data-case]");
  if (!form || document.documentElement.dataset.keys === "off") return;
  const send = () => {
    const first = form.querySelector("button.pri[type=submit]");
    if (first) form.requestSubmit(first);
  };
  addEventListener("keydown", (e) => {
    const free = e.target === document.body || e.target.matches("main");
    if (e.key === "Enter" && free && !e.ctrlKey && !e.metaKey && !e.altKey) send();
    if (!e.target.matches("textarea, select") || !form.contains(e.target)) return;
    if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) send();
    if (e.key === "Escape") e.target.blur();
  });
})();
