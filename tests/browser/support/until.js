// Waiting for facts, never for a while.
import assert from 'node:assert/strict';
import { setTimeout as later } from 'node:timers/promises';

/** How long anything may take before a test says that it did not happen, in milliseconds; many times what it does take. */
export const DEADLINE = 30_000;

/** The same for what a thousand commands cause, in milliseconds. */
export const BULK = 90_000;

/**
 * Asks until the answer is something, and gives that.
 * @template T
 * @param {string} what the fact, for the error
 * @param {() => T | Promise<T>} ask
 * @param {number} [deadline] in milliseconds
 * @returns {Promise<NonNullable<Exclude<T, false>>>}
 */
export async function until(what, ask, deadline = DEADLINE) {
  const end = performance.now() + deadline;
  for (;;) {
    const answer = await ask();
    if (answer) return /** @type {NonNullable<Exclude<T, false>>} */ (answer);
    if (performance.now() > end) assert.fail(`not within ${deadline} ms: ${what}`);
    await later(10);
  }
}

/**
 * Measures up to three times, and takes the first figure that is less than it may be: a machine may be busy with something
 * else for a while, and what is slow by itself is so each time.
 * @param {number} most in milliseconds
 * @param {() => Promise<number>} measure
 */
export async function takesLessThan(most, measure) {
  const took = [];
  do took.push(await measure());
  while (took.length < 3 && (took.at(-1) ?? 0) >= most);
  assert.ok((took.at(-1) ?? 0) < most, `${took.map((took) => took.toFixed(0))} ms, none of them less than ${most}`);
}

/**
 * Reads until it is what it should be; when it never is, fails with the difference.
 * @template T
 * @param {() => T | Promise<T>} read
 * @param {T} expected
 * @param {number} [deadline] in milliseconds
 */
export async function becomes(read, expected, deadline = DEADLINE) {
  const end = performance.now() + deadline;
  for (;;) {
    const found = await read();
    try {
      assert.deepEqual(found, expected);
      return;
    } catch (difference) {
      if (performance.now() > end) throw difference;
    }
    await later(10);
  }
}
