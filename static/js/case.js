/* A case: Enter sends the vote when no other control has the focus. Ignored when the profile switches single keys off. */
(() => {
  const form = document.querySelector("form[data-case]");
  if (!form || document.documentElement.dataset.keys === "off") return;
  addEventListener("keydown", (e) => {
    const free = e.target === document.body || e.target.matches("main");
    if (e.key === "Enter" && free && !e.ctrlKey && !e.metaKey && !e.altKey) form.requestSubmit();
  });
})();
