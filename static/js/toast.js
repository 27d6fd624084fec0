/* The toast (#toast) leaves after 3.5 s, unless it is under the pointer or has the focus. Others fill it by
   document.dispatchEvent(new CustomEvent("toast", { detail: "Saved" })). A request of htmx that fails says so here. */
(() => {
  const toast = document.getElementById("toast");
  if (!toast) return;
  let timer;
  const leave = () => {
    if (toast.matches(":hover, :focus-within")) return wait();
    toast.hidden = true;
  };
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(leave, 3500);
  };
  const say = (message) => {
    toast.replaceChildren(Object.assign(document.createElement("span"), { textContent: message }));
    toast.hidden = false;
    wait();
  };
  document.addEventListener("toast", (e) => say(e.detail));
  document.addEventListener("htmx:responseError", (e) => {
    if (e.detail.requestConfig?.verb !== "get") say("That was refused, and nothing was changed. Reload the page and try again.");
  });
  document.addEventListener("htmx:sendError", (e) => {
    if (e.detail.requestConfig?.verb !== "get") say("No connection, and nothing was changed. Try again in a moment.");
  });
  if (!toast.hidden) wait();
})();
