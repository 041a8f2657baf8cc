/**
 * Reads JSON without changing numbers: an integer that a double can't hold becomes a BigInt, which is shown digit by
 * digit.
 *
 * @param {string} text
 * @returns {any}
 */
export function parse(text) {
  /** @type {any} a reviver is given the text of a value by newer browsers only */
  const exact = (/** @type {string} */ _key, /** @type {any} */ value, /** @type {any} */ context) => {
    const isInexact = typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? '');
    return isInexact ? BigInt(context.source) : value;
  };
  return JSON.parse(text, exact);
}

/**
 * Whether two values read from JSON are the same.
 *
 * @param {any} a
 * @param {any} b
 * @returns {boolean}
 */
export function same(a, b) {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && same(a[name], b[name]));
}

/**
 * A value as text: texts as they are, the rest as JSON.
 *
 * @param {any} value
 * @returns {string}
 */
export function asText(value) {
  if (typeof value === 'string') return value;
  if (typeof value === 'bigint') return value.toString();
  const plain = (/** @type {string} */ _key, /** @type {any} */ part) =>
    typeof part === 'bigint' ? /** @type {any} */ (JSON).rawJSON?.(part.toString()) ?? part.toString() : part;
  return JSON.stringify(value, plain) ?? 'undefined';
}
