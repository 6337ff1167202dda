import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ask, findHeld, hold, type Held, type Verb } from './held.js';
import { cache } from './root.js';
import { startStack, type StackOptions } from './stack.js';
import type { StackEvent } from './server.js';

const HELP = `npm run stack -- COMMAND [--name NAME]

  up        start a stack that stays up [--flink 1.20|2.2|none] [--zookeepers 1|3] [--namenodes 1|2] [--datanodes N]
            [--ha-storage hdfs|file] [--supervisor] [--temporal] [--option FLINK_KEY=VALUE]…
  status    servers and addresses
  kill X    SIGKILL to server X; its data stays
  start X   start server X again
  pause X   SIGSTOP: holds its sockets, answers nothing
  resume X  SIGCONT
  logs X    the end of its logs
  down      end it, and remove its folder

--json prints one line of JSON. The name is "default" unless given.`;

class Usage extends Error {}

const oneOf = <T extends string>(option: string, value: string, allowed: readonly T[]): T => {
  const found = allowed.find((one) => one === value);
  if (found === undefined) throw new Usage(`--${option} is ${allowed.join(' or ')}, not "${value}"`);
  return found;
};

function parse() {
  return parseArgs({
    allowPositionals: true,
    options: {
      name: { type: 'string', default: 'default' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      flink: { type: 'string', default: '1.20' },
      zookeepers: { type: 'string', default: '1' },
      namenodes: { type: 'string', default: '1' },
      datanodes: { type: 'string', default: '1' },
      'ha-storage': { type: 'string', default: 'hdfs' },
      supervisor: { type: 'boolean', default: false },
      temporal: { type: 'boolean', default: false },
      option: { type: 'string', multiple: true, default: [] },
    },
  });
}

type Values = ReturnType<typeof parse>['values'];

function optionsOf(values: Values): StackOptions {
  const flinkOptions = values.option.map((text) => {
    const at = text.indexOf('=');
    if (at < 1) throw new Usage(`--option is KEY=VALUE, not "${text}"`);
    return [text.slice(0, at), text.slice(at + 1)] as const;
  });
  const dataNodes = Number(values.datanodes);
  if (!Number.isInteger(dataNodes) || dataNodes < 1 || dataNodes > 9)
    throw new Usage(`--datanodes is a number from 1 to 9, not "${values.datanodes}"`);
  return {
    flink: oneOf('flink', values.flink, ['1.20', '2.2', 'none']),
    zooKeepers: oneOf('zookeepers', values.zookeepers, ['1', '3']) === '1' ? 1 : 3,
    nameNodes: oneOf('namenodes', values.namenodes, ['1', '2']) === '1' ? 1 : 2,
    dataNodes,
    supervisor: values.supervisor,
    temporal: values.temporal,
    flinkSettings: {
      haStorage: oneOf('ha-storage', values['ha-storage'], ['hdfs', 'file']),
      options: Object.fromEntries(flinkOptions),
    },
  };
}

const storyOf = ({ kind, server, after }: StackEvent): string =>
  `${server} ${kind}${after === undefined ? '' : ` after ${(after / 1000).toFixed(1)} s`}`;

type FromHolder = { readonly ready: Held } | { readonly failed: string } | { readonly event: StackEvent };

/** Starts the holder, shows its progress, and leaves it alone when the stack is up. */
async function up(name: string, json: boolean): Promise<void> {
  const running = await findHeld(name);
  if (running !== undefined)
    throw new Usage(
      `stack "${name}" is up already (process ${running.pid}): end it with "down", or choose --name`,
    );
  mkdirSync(join(cache, 'logs'), { recursive: true });
  const log = openSync(join(cache, 'logs', `holder-${name}.out`), 'w');
  const args = [fileURLToPath(import.meta.url), 'hold', ...process.argv.slice(3)];
  const holder = spawn(process.execPath, args, { detached: true, stdio: ['ignore', log, log, 'ipc'] });
  closeSync(log);
  const held = await new Promise<Held>((resolve, reject) => {
    holder.once('error', reject);
    holder.once('exit', (code) => reject(new Error(`the holder ended (exit code ${code})`)));
    holder.on('message', (message: FromHolder) => {
      if ('ready' in message) resolve(message.ready);
      else if ('failed' in message) reject(new Error(message.failed));
      else if (!json && message.event.kind === 'ready') process.stderr.write(`${storyOf(message.event)}\n`);
    });
  });
  holder.removeAllListeners('exit');
  if (holder.connected) holder.disconnect();
  holder.unref();
  console.log(json ? JSON.stringify(held) : addresses(held));
}

/** Runs in the detached process. A parent that goes away before the stack is up takes it along. */
async function holdOn(name: string, values: Values): Promise<void> {
  const tell = (message: FromHolder): void => {
    if (process.connected) process.send?.(message);
  };
  const abandoned = (): void => process.exit(1);
  process.once('disconnect', abandoned);
  try {
    const stack = await startStack({
      ...optionsOf(values),
      label: `stack-${name}`,
      onEvent: (event) => tell({ event }),
    });
    process.removeListener('disconnect', abandoned);
    await hold(name, stack);
  } catch (error) {
    tell({ failed: error instanceof Error ? error.message : String(error) });
    throw error;
  }
}

function addresses({ endpoints, folder }: Pick<Held, 'endpoints' | 'folder'>): string {
  const rows = Object.entries(endpoints)
    .map(
      ([name, value]) =>
        [name, Array.isArray(value) ? value.join(' ') : (value as string | undefined)] as const,
    )
    .filter(([, value]) => value !== undefined && value !== '');
  return [...rows, ['folder', folder] as const]
    .map(([name, value]) => `${name.padEnd(12)} ${value}`)
    .join('\n');
}

interface Status extends Pick<Held, 'endpoints' | 'folder'> {
  readonly servers: readonly { name: string; state: string; pid?: number; exits: number }[];
}

function statusText(text: string): string {
  const status = JSON.parse(text) as Status;
  const servers = status.servers.map(
    ({ name, state, pid, exits }) =>
      `${name.padEnd(14)} ${state.padEnd(8)} ${String(pid ?? '-').padEnd(8)} ${exits === 0 ? '' : `ended ${exits} times`}`,
  );
  return [...servers, '', addresses(status)].join('\n');
}

async function tell(verb: Verb, name: string, server: string | undefined, json: boolean): Promise<void> {
  const held = await findHeld(name);
  if (held === undefined) throw new Usage(`stack "${name}" is not up: start it with "up"`);
  const text = await ask(held, server === undefined ? { verb } : { verb, server });
  if (verb === 'status') console.log(json ? text : statusText(text));
  else console.log(json ? JSON.stringify({ text }) : text);
}

async function main(): Promise<void> {
  const { values, positionals } = parse();
  const [command, server] = positionals;
  if (!/^[\w-]{1,30}$/.test(values.name))
    throw new Usage(`--name is letters, digits, - and _, not "${values.name}"`);
  switch (command) {
    case 'up':
      optionsOf(values);
      return up(values.name, values.json);
    case 'hold':
      return holdOn(values.name, values);
    case 'status':
    case 'down':
      return tell(command, values.name, undefined, values.json);
    case 'start':
    case 'kill':
    case 'pause':
    case 'resume':
    case 'logs':
      if (server === undefined) throw new Usage(`${command} needs the name of a server: see "status"`);
      return tell(command, values.name, server, values.json);
    default:
      if (command === undefined || values.help) {
        console.log(HELP);
        return;
      }
      throw new Usage(`unknown command "${command}"\n\n${HELP}`);
  }
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(error instanceof Usage || (error instanceof TypeError && 'code' in error) ? 2 : 1);
}
