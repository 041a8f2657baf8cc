// A Redis server of a test's own, on a Unix socket: no port to race for.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

/** Keeps everything in memory. */
export class Redis {
  /**
   * @param {string} folder
   * @param {import('node:child_process').ChildProcess} child
   */
  constructor(folder, child) {
    this.folder = folder;
    this.child = child;
    this.socket = join(folder, 'redis.sock');
    /** How `--store` names it. */
    this.url = `redis+unix://${this.socket}`;
  }

  static async start() {
    const folder = await mkdtemp(join(tmpdir(), 'retrace-browser-redis-'));
    const socket = join(folder, 'redis.sock');
    const options = ['--port', '0', '--save', '', '--appendonly', 'no', '--dir', folder, '--unixsocket', socket];
    const child = spawn('redis-server', options, { stdio: ['ignore', 'pipe', 'inherit'] });
    process.once('exit', () => child.kill('SIGKILL'));
    await new Promise((up, failed) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (/ready to accept connections/i.test(line)) up(undefined);
      });
      child.once('error', failed);
      child.once('exit', () => failed(new Error('redis-server ended before it was up')));
    });
    return new Redis(folder, child);
  }

  /** Runs one command. @param {string[]} words */
  async do(...words) {
    const { stdout } = await promisify(execFile)('redis-cli', ['-e', '-s', this.socket, ...words]);
    return stdout.trim();
  }

  async remove() {
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
    await rm(this.folder, { recursive: true, force: true });
  }
}
