import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createServer, type Server, type ServerRecipe, type StackEvent } from './server.js';
import type { Warden } from './warden.js';

/** Where one instance keeps what, and how it starts things. */
export interface Workshop {
  readonly warden: Warden;
  readonly data: string;
  readonly logs: string;
  /** Writes one file of a server's configuration and returns its path. */
  conf(server: string, file: string, text: string): Promise<string>;
  log(name: string): string;
  /** Prepares a server; it is not started yet. */
  server(recipe: Omit<ServerRecipe, 'out'>): Server;
  /** Runs a command to its end, under the warden too. */
  run(command: OneShot): Promise<OneShotResult>;
}

export interface OneShot {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Milliseconds. Default 60 s. */
  readonly within?: number;
}

export interface OneShotResult {
  readonly code: number | null;
  /** Standard output and error together. */
  readonly output: string;
}

export async function openWorkshop(warden: Warden, onEvent?: (event: StackEvent) => void): Promise<Workshop> {
  const data = join(warden.folder, 'data');
  const logs = join(warden.folder, 'logs');
  await Promise.all([data, logs].map((folder) => mkdir(folder, { recursive: true })));
  let runs = 0;

  return {
    warden,
    data,
    logs,
    async conf(server, file, text) {
      const folder = join(warden.folder, 'conf', server);
      await mkdir(folder, { recursive: true });
      const path = join(folder, file);
      await writeFile(path, text);
      return path;
    },
    log: (name) => join(logs, `${name}.log`),
    server: (recipe) => createServer(warden, { ...recipe, out: join(logs, `${recipe.name}.out`) }, onEvent),
    async run({ name, command, args, env, within = 60_000 }) {
      const key = `${name}-${++runs}`;
      const log = join(logs, `${key}.out`);
      const child = await warden.start({ key, command, args, env, log });
      const timer = setTimeout(() => child.signal('SIGKILL'), within);
      const { code } = await child.exited;
      clearTimeout(timer);
      return { code, output: await readFile(log, 'utf8') };
    },
  };
}
