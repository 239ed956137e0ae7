// A silent <video data-autoplay> starts by itself, unless less motion was asked for. The button
// data-play="ID" below it stops and starts it; without scripts the browser's own controls stay.
const still = matchMedia("(prefers-reduced-motion: reduce)");

for (const video of document.querySelectorAll("video[data-autoplay]")) {
  const button = document.querySelector(`[data-play="${video.id}"]`);
  if (button) {
    video.controls = false;
    button.parentElement.hidden = false;
    button.addEventListener("click", () => (video.paused ? video.play() : video.pause()));
    for (const change of ["play", "pause"])
      video.addEventListener(change, () => button.setAttribute("aria-pressed", String(!video.paused)));
  }
  if (!still.matches) video.play().catch(() => {}); // Not allowed to: the poster and the button are there.
}
