/* Small overlays. <a href="#id" data-dialog> opens <dialog id> as a modal one (without a script its address does);
   [data-dialog-close] in it closes it. An open details.pop closes on Escape and on a press outside it. */
(() => {
  addEventListener("click", (e) => {
    const opener = e.target.closest("a[data-dialog]");
    if (opener) {
      const dialog = document.querySelector(opener.getAttribute("href"));
      if (dialog?.showModal) {
        e.preventDefault();
        dialog.showModal();
      }
    }
    const closer = e.target.closest("[data-dialog-close]");
    if (closer?.closest("dialog[open]")) {
      e.preventDefault();
      closer.closest("dialog").close();
    }
    for (const pop of document.querySelectorAll("details.pop[open]")) if (!pop.contains(e.target)) pop.open = false;
  });
  addEventListener("keydown", (e) => {
    if (e.key !== "Escape") return;
    for (const pop of document.querySelectorAll("details.pop[open]")) {
      pop.open = false;
      pop.querySelector("summary").focus();
    }
  });
})();
