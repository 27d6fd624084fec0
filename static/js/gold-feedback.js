/* How an answer went to a text whose answer is known, where the project tells. It stands beside the work until it is
   closed or the next one comes; the text that it is about is named, since the next one is on the screen by then. */
window.goldFeedback = (told, job) => {
  const board = document.getElementById("feedback"), [, words, close] = board.children;
  const line = (text, className = "") => Object.assign(document.createElement("p"), { textContent: text, className });
  const about = job.about.length > 70 ? `${job.about.slice(0, 70).trim()}…` : job.about;
  const head = Object.assign(document.createElement("b"), { textContent: told.correct ? "That was right." : "Something else was agreed here." });
  const score = `${told.right} of ${told.answers} known answers were right; this project asks for ${Math.round(100 * told.needed)}%.`;
  words.replaceChildren(head, line(`You answered “${job.words}” to “${about}”.`));
  for (const { label, description } of told.hint ?? []) words.append(line(`${label}${description ? `: ${description}` : ""}`));
  if (told.explanation) words.append(line(told.explanation));
  words.append(line(score, "sm mute"));
  board.classList.toggle("good", told.correct);
  board.hidden = false;
  close.onclick = () => { board.hidden = true; };
};
