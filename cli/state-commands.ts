/** `inspect`, `offsets` and `verify`: commands on files, without Temporal. What they do is loaded when they run. */
import type { Command } from 'commander';
import type { InspectOptions } from './inspect.js';
import type { Action, CommonOptions } from './options.js';
import type { StateOptions } from './state-place.js';
import type { Terminal } from './terminal.js';
import type { VerifyOptions } from './verify.js';

const several = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

export function registerStateCommands(
  make: (usage: string, description: string) => Command,
  perform: (action: Action, options: CommonOptions) => Promise<void>,
  terminal: Terminal,
): void {
  const command = (usage: string, description: string): Command =>
    make(usage, description)
      .option('--webhdfs <url>', 'a NameNode, instead of a configuration; repeat for more', several)
      .option('--user <name>', 'the user that --webhdfs is asked as')
      .option(
        '--map <prefix=dir>',
        'read what begins with the prefix from a directory; repeat for more',
        several,
      );

  command('inspect', 'what is in a _metadata file: operators, files, Kafka positions')
    .argument('<file or URI...>')
    .option('--pointer <uri>', 'take a local file for the _metadata of this directory')
    .action(async (targets: string[], options: InspectOptions) =>
      perform(async () => (await import('./inspect.js')).inspect(targets, options, terminal), options),
    );
  command('offsets', 'the Kafka positions in a checkpoint or savepoint')
    .argument('<directory or URI>')
    .action(async (target: string, options: StateOptions) =>
      perform(async () => (await import('./offsets.js')).offsets(target, options, terminal), options),
    );
  command('verify', 'whether every file of a checkpoint is there: ends with 0 sound, 1 broken, 2 unknown')
    .argument('<directory or URI>')
    .option('--read', 'read every byte')
    .action(async (target: string, options: VerifyOptions) =>
      perform(async () => (await import('./verify.js')).verify(target, options, terminal), options),
    );
}
