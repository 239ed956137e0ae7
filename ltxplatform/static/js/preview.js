// A tile's <video data-preview> plays while the pointer rests on it or the keyboard is there.
// Nothing is fetched before that, and nothing moves for people who asked for less motion.
const still = matchMedia("(prefers-reduced-motion: reduce)");
const previewOf = (event) => event.target.closest?.(".frame")?.querySelector("video[data-preview]");

async function start(event) {
  const video = previewOf(event);
  if (!video || still.matches || video.hasAttribute("data-playing")) return;
  if (!video.src) video.src = video.dataset.preview;
  try {
    await video.play();
    video.setAttribute("data-playing", "");
  } catch {
    // Left before it could start: the poster stays.
  }
}

function stop(event) {
  const video = previewOf(event);
  if (!video || video.closest(".frame").contains(event.relatedTarget)) return;
  video.pause();
  video.removeAttribute("data-playing");
}

document.addEventListener("pointerover", start);
document.addEventListener("focusin", start);
document.addEventListener("pointerout", stop);
document.addEventListener("focusout", stop);
