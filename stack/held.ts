import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { cache } from './root.js';
import type { Stack, StackEndpoints } from './stack.js';

/** A stack that lives on in a process of its own (`npm run stack -- up`), and how to reach it. */
export interface Held {
  readonly name: string;
  /** The process that holds it: when it ends, the stack ends. */
  readonly pid: number;
  readonly folder: string;
  readonly socket: string;
  readonly endpoints: StackEndpoints;
}

export type Verb = 'status' | 'start' | 'kill' | 'pause' | 'resume' | 'logs' | 'down';

interface Request {
  readonly verb: Verb;
  readonly server?: string;
}

interface Reply {
  readonly ok: boolean;
  readonly text: string;
}

const places = join(cache, 'stacks');
const placeOf = (name: string): string => join(places, `${name}.json`);

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** Undefined: none of that name is up. What a killed holder left behind is forgotten. */
export async function findHeld(name: string): Promise<Held | undefined> {
  const text = await readFile(placeOf(name), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const held = JSON.parse(text) as Held;
  if (isAlive(held.pid) && existsSync(held.socket)) return held;
  await rm(placeOf(name), { force: true });
  return undefined;
}

/** One request to the process that holds the stack. Fails with its words. */
export function ask(held: Held, request: Request): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(held.socket, () => socket.end(JSON.stringify(request)));
    let answer = '';
    socket.on('data', (data) => (answer += data.toString()));
    socket.once('error', reject);
    socket.once('close', () => {
      if (answer === '') return reject(new Error(`the process that holds stack "${held.name}" has ended`));
      const { ok, text } = JSON.parse(answer) as Reply;
      return ok ? resolve(text) : reject(new Error(text));
    });
  });
}

const statusOf = (stack: Stack): string =>
  JSON.stringify({
    folder: stack.folder,
    endpoints: stack.endpoints,
    servers: stack.servers.map(({ name, state, pid, exits }) => ({ name, state, pid, exits: exits.length })),
  });

async function obey(stack: Stack, { verb, server: name }: Request): Promise<string> {
  if (verb === 'status') return statusOf(stack);
  if (verb === 'down') return 'going down';
  if (name === undefined) throw new Error(`${verb} needs the name of a server`);
  const server = stack.server(name);
  switch (verb) {
    case 'start':
      await server.start();
      return `${server.name} answers, process ${server.pid}`;
    case 'kill':
      await server.kill();
      return `${server.name} was killed`;
    case 'pause':
      server.pause();
      return `${server.name} is paused`;
    case 'resume':
      server.resume();
      return `${server.name} goes on`;
    case 'logs':
      return server.logs(100);
    default:
      return verb satisfies never;
  }
}

/** Serves requests until one says `down`; then the stack is stopped. */
export async function hold(name: string, stack: Stack): Promise<void> {
  const socket = join(stack.folder, 'control.sock');
  await mkdir(places, { recursive: true });
  let end: () => void = () => undefined;
  const down = new Promise<void>((resolve) => (end = resolve));

  const server = createServer({ allowHalfOpen: true }, (peer) => {
    let text = '';
    peer.on('error', () => undefined);
    peer.on('data', (data) => (text += data.toString()));
    peer.on('end', () => {
      const answer = async (): Promise<void> => {
        let reply: Reply;
        let request: Request | undefined;
        try {
          request = JSON.parse(text) as Request;
          reply = { ok: true, text: await obey(stack, request) };
        } catch (error) {
          reply = { ok: false, text: error instanceof Error ? error.message : String(error) };
        }
        if (request?.verb === 'down') await stack.stop();
        peer.end(JSON.stringify(reply));
        if (request?.verb === 'down') end();
      };
      void answer();
    });
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  const held: Held = {
    name,
    pid: process.pid,
    folder: stack.folder,
    socket,
    endpoints: stack.endpoints,
  };
  await writeFile(placeOf(name), `${JSON.stringify(held, undefined, 2)}\n`);
  process.send?.({ ready: held });
  process.disconnect?.();
  await down;
  await rm(placeOf(name), { force: true });
  server.close();
}
