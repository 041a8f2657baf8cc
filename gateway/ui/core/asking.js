/** Answers that components show: asked for when what they depend on changes, the last question wins. */

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { token } from './api.js';
import { listen } from './feed.js';

/**
 * @template T
 * @typedef {object} Asked
 * @property {T | null} answer the last one, kept while the next is on its way
 * @property {Error | null} error why there is none
 * @property {boolean} asking
 * @property {() => void} again
 */

/**
 * Asks `question` now and whenever `about` changes; a question that is overtaken is broken off.
 *
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} question
 * @param {any[]} about what the question depends on, compared by identity
 * @returns {Asked<T>}
 */
export function useAnswer(question, about) {
  const [state, setState] = useState(
    /** @type {{answer: T | null, error: Error | null, asking: boolean}} */ ({ answer: null, error: null, asking: true }),
  );
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const aborter = new AbortController();
    setState((state) => ({ ...state, asking: true }));
    question(aborter.signal).then(
      (answer) => aborter.signal.aborted || setState({ answer, error: null, asking: false }),
      (error) => aborter.signal.aborted || setState({ answer: null, error, asking: false }),
    );
    return () => aborter.abort();
  }, [...about, turn, token.value]);
  return { ...state, again: useCallback(() => setTurn((turn) => turn + 1), []) };
}

/**
 * Asks `question` again and again while the page can be seen, each time `every` milliseconds after the last answer. When
 * it fails the answer before stays, until what it is about changes.
 *
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} question
 * @param {number} every
 * @param {any[]} [about]
 * @returns {Asked<T>}
 */
export function usePolled(question, every, about = []) {
  const asked = useAnswer(question, about);
  const last = useRef(/** @type {{answer: T | null, about: any[]}} */ ({ answer: null, about }));
  if (about.some((part, index) => part !== last.current.about[index])) last.current = { answer: null, about };
  if (asked.answer !== null && !asked.asking) last.current.answer = asked.answer;
  const again = useRef(asked.again);
  again.current = asked.again;
  useEffect(() => {
    if (asked.asking) return undefined;
    const later = setInterval(() => document.hidden || again.current(), every);
    return () => clearInterval(later);
  }, [asked.asking, every]);
  return { ...asked, answer: asked.answer ?? last.current.answer };
}

/**
 * Asks again whenever something has happened that the answer is about, one question at a time.
 *
 * @param {Asked<any>} asked
 * @param {((event: import('./types.js').LogEvent) => boolean) | null} isAbout nothing where the answer stays as it is
 */
export function useFollowed(asked, isAbout) {
  const [isStale, setStale] = useState(false);
  const wanted = useRef(isAbout);
  wanted.current = isAbout;
  useEffect(() => listen((events) => wanted.current && events.some(wanted.current) && setStale(true)), []);
  useEffect(() => {
    if (!isStale || asked.asking) return;
    setStale(false);
    asked.again();
  }, [isStale, asked.asking]);
}
