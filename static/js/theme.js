/* Light or dark. The choice of somebody signed in is kept on the server, which renders <html data-theme>: there the
   switch is a form (form[data-theme-toggle]) that works without this file. Before sign-in it is a button, kept here. */
(() => {
  const root = document.documentElement;
  const flipped = () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    return dark ? "light" : "dark";
  };
  const visitor = document.querySelector("button[data-theme-toggle]");
  if (visitor) {
    visitor.hidden = false;
    const kept = localStorage.getItem("theme");
    if (kept && !root.dataset.theme) root.dataset.theme = kept;
    visitor.addEventListener("click", () => {
      root.dataset.theme = flipped();
      localStorage.setItem("theme", root.dataset.theme);
    });
  }
  addEventListener("submit", (e) => {
    const form = e.target.closest("form[data-theme-toggle]");
    if (!form) return;
    e.preventDefault();
    const body = new FormData(form);
    root.dataset.theme = flipped();
    body.set("theme", root.dataset.theme);
    fetch(form.action, { method: "POST", body, headers: { "X-Requested-With": "fetch" } }).catch(() => {});
  });
})();
