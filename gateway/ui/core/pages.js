/** Pages of rows are asked for by the key before them; the way back is remembered. */

export class Pages {
  constructor() {
    /** The page before each page, by the key that it begins after. @type {Map<string, string | null>} */
    this.before = new Map();
  }

  /**
   * Says that a page is shown, and which comes after it.
   *
   * @param {string | null} after
   * @param {string | null | undefined} next
   */
  saw(after, next) {
    if (next) this.before.set(next, after);
  }

  /**
   * After which key the page before begins; nothing for the first, and where nobody has come that way.
   *
   * @param {string | null} after
   * @returns {string | null}
   */
  previous(after) {
    return after === null ? null : (this.before.get(after) ?? null);
  }
}
