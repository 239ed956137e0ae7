// A clip that is paused somewhere can be continued from there: the Extend button says so, and its form carries the moment.
const END = 0.1; // s: closer to the end than this means the last frame

function tell(player) {
  const field = document.querySelector(`[data-moment-of="${player.id}"]`);
  const label = field?.form.querySelector("[data-extend] span");
  if (!label) return;
  const somewhere = player.paused && player.currentTime > 0 && player.currentTime < player.duration - END;
  field.disabled = !somewhere;
  field.value = somewhere ? player.currentTime.toFixed(3) : "";
  label.textContent = somewhere ? `Extend from ${player.currentTime.toFixed(2)} s` : "Extend";
}

for (const event of ["pause", "play", "seeked", "loadedmetadata"])
  document.addEventListener(event, ({ target }) => target.id === "player" && tell(target), true);
