// The program under test as a process: started, asked, stopped, killed, and started again.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../../../', import.meta.url));
export const binary = process.env.RETRACE_BIN ?? join(root, 'target/debug/retrace');

/** The path of a history in fixtures/. @param {string} name without its ending */
export const fixture = (name) => join(root, 'fixtures', `${name}.jsonl`);

/** Nothing of the surroundings decides what it does. */
function surroundings() {
  const kept = Object.entries(process.env).filter(([name]) => !/^(RETRACE_|REDIS_URL$)/.test(name));
  return { ...Object.fromEntries(kept), TZ: 'UTC' };
}

/**
 * @typedef {object} Options
 * @property {string} [history] the path of a history that is brought in first
 * @property {string} [token] what clients must bring
 * @property {string} [readToken] what clients may bring instead, to look at things and change none
 * @property {string} [data] the folder of its data, which must not be there yet; a new one where none is named
 * @property {string} [store] the log, where it is no embedded one in a folder of its own
 * @property {string[]} [roles] what runs, where that is not everything
 */

/** A process of it, with a gateway. */
export class Retrace {
  /** @type {import('node:child_process').ChildProcess | undefined} */
  #child;
  /** @type {string[]} What it has said, line by line. */
  said = [];
  /** Where it listens; the same after a restart. */
  base = '';

  /**
   * @param {string} data
   * @param {Options} options
   */
  constructor(data, options) {
    this.data = data;
    this.options = options;
  }

  /** Starts it on a free port. @param {Options} [options] */
  static async up(options = {}) {
    if (options.data) await mkdir(options.data);
    const retrace = new Retrace(options.data ?? (await mkdtemp(join(tmpdir(), 'retrace-browser-'))), options);
    if (options.history) await retrace.run('import', options.history);
    await retrace.start();
    return retrace;
  }

  /** Runs another command over the same data, and gives what it printed. @param {string[]} args */
  async run(...args) {
    const options = { env: surroundings(), cwd: this.data };
    const { stdout } = await promisify(execFile)(binary, [...args, ...this.#store()], options);
    return stdout;
  }

  #store() {
    return this.options.store ? ['--store', this.options.store] : ['--data', this.data];
  }

  /** Has simulated clients at work for a while, always the same. @param {string} duration such as `5s` */
  async demo(duration) {
    const { token } = this.options;
    const target = ['--url', this.base, ...(token ? ['--token', token] : [])];
    const options = { env: surroundings(), cwd: this.data };
    await promisify(execFile)(binary, ['demo', ...target, '--seed', '1', '--rate', '25', '--for', duration], options);
  }

  /** Starts it where it was before, or on a free port, and waits until it listens. */
  async start() {
    const listen = this.base ? new URL(this.base).host : '127.0.0.1:0';
    const { roles, token, readToken } = this.options;
    const what = roles ? ['run', ...roles] : ['up'];
    const args = [...what, ...this.#store(), '--listen', listen, ...(token ? ['--token', token] : [])];
    if (readToken) args.push('--read-token', readToken);
    const child = spawn(binary, args, { env: surroundings(), cwd: this.data, stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child = child;
    process.once('exit', () => child.kill('SIGKILL'));
    const lines = createInterface({ input: child.stderr });
    await new Promise((up, failed) => {
      lines.on('line', (line) => {
        this.said.push(line);
        const [, address] = line.match(/listening on\s+(http:\S+)/) ?? [];
        if (address) this.base = address;
        if (/stop with| at work on /.test(line)) up(undefined);
      });
      child.once('error', failed);
      child.once('exit', () => failed(new Error(`it ended before it was up:\n${this.said.join('\n')}`)));
    });
  }

  /** @param {NodeJS.Signals} signal */
  async #end(signal) {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  /** Asks it to stop, and waits until it has. */
  stop() {
    return this.#end('SIGTERM');
  }

  /** Takes its life without a word. */
  kill() {
    return this.#end('SIGKILL');
  }

  /** Ends it for good, with its data. */
  async remove() {
    await this.kill();
    await rm(this.data, { recursive: true, force: true });
  }

  /** Seconds of a processor that its process has taken so far. */
  async worked() {
    const stat = await readFile(`/proc/${this.#child?.pid}/stat`, 'utf8');
    // The second field is a name in brackets and may hold anything; ticks are hundredths of a second.
    const [user, system] = stat.slice(stat.lastIndexOf(')') + 2).split(' ').slice(11, 13);
    return (Number(user) + Number(system)) / 100;
  }

  /**
   * Asks; gives the status and the body, whatever they are.
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body]
   * @returns {Promise<{status: number, body: any}>}
   */
  async ask(method, path, body) {
    const { token } = this.options;
    const headers = {
      ...(token && { Authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
    };
    const answer = await fetch(this.base + path, { method, headers, body: JSON.stringify(body) });
    return { status: answer.status, body: await answer.json() };
  }

  /**
   * What stands under `result`; anything else fails the test.
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body]
   */
  async result(method, path, body) {
    const answer = await this.ask(method, path, body);
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body.result;
  }

  /** @param {string} path @returns {Promise<any>} */
  get(path) {
    return this.result('GET', path);
  }

  /** @param {string} path @param {unknown} body @returns {Promise<any>} */
  post(path, body) {
    return this.result('POST', path, body);
  }
}
