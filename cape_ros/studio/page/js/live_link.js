// The WebSocket of the live view: newest frame, acknowledged once drawn, opened again when it breaks.

const SHORTEST_WAIT = 400; // milliseconds before the next try; doubles up to
const LONGEST_WAIT = 5000;
const REASONS = {
  4401: "The token is missing: open the address that was printed at start.",
  4403: "This address is not the one that the node expects.",
  4404: "This camera is not known.",
  1013: "Too many viewers; trying again.",
};

/** Fires "frame" with {header, bitmap, received} and "state" whenever `state` or `reason` change.
 * state: "closed", "waiting", "open" or "refused". */
export class LiveLink extends EventTarget {
  state = "closed";
  reason = "";
  #socket = null;
  #timer = 0;
  #wait = SHORTEST_WAIT;
  #target = null;

  /** wishes: {width, space, depth}, as of `ask`. */
  open(camera, wishes) {
    this.close();
    this.#target = { camera, wishes };
    this.#connect();
  }

  close() {
    this.#target = null;
    clearTimeout(this.#timer);
    this.#socket?.close();
    this.#socket = null;
    this.#become("closed", "");
  }

  /** What the frames should show from now on: how many pixels wide they are, whether objects in
   * space come with them, and whether they are depth images. */
  ask(wishes) {
    const before = this.#target?.wishes;
    if (!before || Object.keys(wishes).every((name) => wishes[name] === before[name])) return;
    this.#target.wishes = wishes;
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(wishes));
  }

  #connect() {
    const { camera, wishes } = this.#target;
    const address = new URL("api/live", location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    address.hash = "";
    address.search = new URLSearchParams(camera ? { camera, ...wishes } : wishes);
    this.#become("waiting", this.reason);
    const socket = new WebSocket(address);
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => {
      this.#wait = SHORTEST_WAIT;
      const asked = this.#target?.wishes; // maybe others since the address was made
      if (socket === this.#socket && asked !== wishes) socket.send(JSON.stringify(asked));
    });
    socket.addEventListener("message", ({ data }) => this.#receive(socket, data));
    socket.addEventListener("close", ({ code }) => this.#lost(socket, code));
  }

  async #receive(socket, data) {
    const received = performance.now();
    const length = new DataView(data).getUint32(0, true);
    const text = new TextDecoder().decode(new Uint8Array(data, 4, length));
    const header = JSON.parse(text);
    const stamp = text.match(/"stamp_ns": *(\d+)/)[1]; // nanoseconds do not fit a JavaScript number
    const jpeg = new Blob([new Uint8Array(data, 4 + length)], { type: "image/jpeg" });
    const bitmap = await createImageBitmap(jpeg);
    if (socket === this.#socket) {
      this.#become("open", "");
      this.dispatchEvent(new CustomEvent("frame", { detail: { header, bitmap, received } }));
    }
    bitmap.close();
    if (socket.readyState === WebSocket.OPEN) socket.send(`{"drawn": ${stamp}}`);
  }

  #lost(socket, code) {
    if (socket !== this.#socket || !this.#target) return;
    this.#socket = null;
    if (code === 4401 || code === 4403) return this.#become("refused", REASONS[code]);
    this.#become("waiting", REASONS[code] ?? "The node does not answer; trying again.");
    this.#timer = setTimeout(() => this.#connect(), this.#wait);
    this.#wait = Math.min(LONGEST_WAIT, 2 * this.#wait);
  }

  #become(state, reason) {
    if (state === this.state && reason === this.reason) return;
    this.state = state;
    this.reason = reason;
    this.dispatchEvent(new Event("state"));
  }
}
