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
 * @param {{isFresh?: boolean}} [options] with `isFresh`, an answer about something else is not shown any more
 * @returns {Asked<T>}
 */
export function useAnswer(question, about, { isFresh = false } = {}) {
  const nothing = { answer: null, error: null, asking: true, about };
  const [state, setState] = useState(/** @type {{answer: T | null, error: Error | null, asking: boolean, about: any[]}} */ (nothing));
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const aborter = new AbortController();
    setState((state) => ({ ...state, asking: true }));
    question(aborter.signal).then(
      (answer) => aborter.signal.aborted || setState({ answer, error: null, asking: false, about }),
      (error) => aborter.signal.aborted || setState({ answer: null, error, asking: false, about }),
    );
    return () => aborter.abort();
  }, [...about, turn, token.value]);
  const { answer, error, asking } = isFresh && isOther(about, state.about) ? nothing : state;
  return { answer, error, asking, again: useCallback(() => setTurn((turn) => turn + 1), []) };
}

/**
 * @param {any[]} about
 * @param {any[]} before
 */
const isOther = (about, before) => about.some((part, index) => part !== before[index]);

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
  if (isOther(about, last.current.about)) last.current = { answer: null, about };
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

/** How much time is between two questions at least when much happens, milliseconds. */
const LEAST = 250;

/**
 * Asks again whenever something has happened that the answer is about, one question at a time, and while the page can be
 * seen.
 *
 * @param {Asked<any>} asked
 * @param {((event: import('./types.js').LogEvent) => boolean) | null} isAbout nothing where the answer stays as it is
 */
export function useFollowed(asked, isAbout) {
  const [isStale, setStale] = useState(false);
  const wanted = useRef(isAbout);
  wanted.current = isAbout;
  const [isSeen, setSeen] = useState(!document.hidden);
  const last = useRef(0);
  useEffect(() => listen((events) => wanted.current && events.some(wanted.current) && setStale(true)), []);
  useEffect(() => {
    const look = () => setSeen(!document.hidden);
    document.addEventListener('visibilitychange', look);
    return () => document.removeEventListener('visibilitychange', look);
  }, []);
  useEffect(() => {
    if (!isStale || !isSeen || asked.asking) return undefined;
    const ask = () => {
      last.current = performance.now();
      setStale(false);
      asked.again();
    };
    const later = setTimeout(ask, Math.max(0, last.current + LEAST - performance.now()));
    return () => clearTimeout(later);
  }, [isStale, isSeen, asked.asking]);
}
