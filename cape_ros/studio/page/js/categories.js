// The registered categories as the server last sent them. Fires "change".

import { api } from "./api.js";
import { hearThresholds } from "./scores.js";

class Categories extends EventTarget {
  version = -1;
  removed = []; // [{name, version}] that can be restored
  #byName = new Map();
  #asked = -1;

  get(name) {
    return this.#byName.get(name);
  }

  all() {
    return [...this.#byName.values()];
  }

  /** Asks again if the live view has a version that is not known here yet. */
  heard(version) {
    if (version !== this.version && version !== this.#asked) {
      this.#asked = version;
      this.refresh().catch(() => (this.#asked = -1));
    }
  }

  async refresh() {
    const answer = await api.get("categories");
    hearThresholds(answer);
    this.version = answer.database_version;
    this.removed = answer.removed;
    this.#byName = new Map(answer.categories.map((category) => [category.name, category]));
    this.dispatchEvent(new Event("change"));
  }
}

export const categories = new Categories();
