// Files on their way to the server, with a sign of how far they are.

import { api } from "./api.js";
import { attempt, progress } from "./messages.js";

/** Sends a file and shows how much of it is sent; undefined if it is refused, which is said. */
export async function sendFile(path, file, blob = file) {
  const name = file.name;
  const shown = progress(`Uploading ${name}: ${size(blob.size)} …`);
  const tell = (sent) => shown.say(sent < blob.size ? `Uploading ${name}: ${size(sent)} of ${size(blob.size)} …` : `Reading ${name} …`);
  try {
    return await attempt(name, () => api.upload(path, blob, tell));
  } finally {
    shown.end();
  }
}

/** A number of bytes, such as `460 kB`. */
export function size(bytes) {
  if (bytes >= 1e6) return `${(bytes / 1e6).toFixed(1)} MB`;
  return `${Math.max(1, Math.round(bytes / 1e3))} kB`;
}
