/** The commands, their arguments and options. What a command does is loaded when it runs. */
import { Command, CommanderError, Option } from 'commander';
import { parseDuration } from '../config/duration.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { registerStateCommands } from './state-commands.js';
import type { Action, AnswerOptions, CommonOptions, SayingOptions } from './options.js';
import type { RecoverOptions } from './recover.js';
import { UsageError, type Terminal } from './terminal.js';

/** Runs one command line (without node and script). Never throws, never ends the process. */
export async function run(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  let code: ExitCode = EXIT.done;
  let json = args.includes('--json');
  const program = buildProgram(terminal, async (action, options) => {
    json = options.json === true;
    code = await action();
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    const { tellError } = await import('./tell-error.js');
    return tellError(error, terminal, json);
  }
}

type Perform = (action: Action, options: CommonOptions) => Promise<void>;

function buildProgram(terminal: Terminal, perform: Perform): Command {
  const program = new Command('holdfast')
    .description('Recovers Flink jobs from their last checkpoint, and never lets go of it.')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.write(text.trimEnd()),
      writeErr: (text) => terminal.note(text.trimEnd()),
    })
    .showHelpAfterError('(help: holdfast help)')
    .enablePositionalOptions();

  const command = (to: Command, usage: string, description: string): Command =>
    to
      .command(usage)
      .description(description)
      .option('--config <file>', 'configuration (default: HOLDFAST_CONFIG, else ./holdfast.yaml)')
      .option('--json', 'JSON instead of text');

  /** A command that says something to a case. */
  const saying = (usage: string, description: string): Command =>
    command(program, usage, description)
      .option('--reason <text>', 'why; becomes part of the case file')
      .option('--by <name>', 'who says it (default: the user of this machine)')
      .option('--request-id <id>', 'the same id makes a repeated call the same request');

  command(program, 'dev', 'Temporal dev server, worker, intake and watch in one process; Ctrl-C stops all')
    .option('--port <port>', 'port of Temporal (default: that of temporal.address; 0: any free one)', port)
    .option('--ui-port <port>', 'port of the Temporal UI (default: port + 1000)', port)
    .option('--data <dir>', 'folder of the database (default: dev below stateDir)')
    .option('--verbose', 'log everything')
    .action(
      async (options: CommonOptions & { port?: number; uiPort?: number; data?: string; verbose?: boolean }) =>
        perform(async () => (await import('./dev.js')).dev(options, terminal), options),
    );
  command(program, 'worker', 'does the work of recoveries; run at least one').action(
    async (options: CommonOptions) =>
      perform(async () => (await import('./worker.js')).worker(options, terminal), options),
  );
  command(program, 'serve', 'takes alerts over HTTP').action(async (options: CommonOptions) =>
    perform(async () => (await import('./serve.js')).serve(options, terminal), options),
  );
  command(program, 'watch', 'starts the watch over the clusters (or the named one); a running one goes on')
    .argument('[cluster]')
    .action(async (cluster: string | undefined, options: CommonOptions) =>
      perform(async () => (await import('./watch.js')).watch(cluster, options, terminal), options),
    );

  saying('recover', 'opens the case of a job, or joins the open one')
    .argument('<job>')
    .option('--from <path>', 'restore from this checkpoint or savepoint (full URI)')
    .option('--from-nothing', 'start without any restore point; needs --kafka-from and --reason')
    .option(
      '--kafka-from <position>',
      'where a start from nothing begins: earliest, latest, a time, or topic/partition=offset,…',
    )
    .option('--wait', 'follow the case until it is resumed, aborted or asks')
    .option('--dry-run', 'only say what would be restored, as holdfast look does')
    .action(async (job: string, options: RecoverOptions & { dryRun?: boolean }) =>
      perform(async () => {
        if (options.dryRun === true) return (await import('./look.js')).look(job, options, terminal);
        return (await import('./recover.js')).recover(job, options, terminal);
      }, options),
    );
  command(program, 'look', 'what would be restored if the job (or any of them) failed now; touches nothing')
    .argument('[job]')
    .action(async (job: string | undefined, options: CommonOptions) =>
      perform(async () => (await import('./look.js')).look(job, options, terminal), options),
    );
  command(program, 'ladder', 'the restore points of a job in order of preference, each with its verdict')
    .argument('<job>')
    .action(async (job: string, options: CommonOptions) =>
      perform(async () => (await import('./look.js')).ladder(job, options, terminal), options),
    );
  command(program, 'status', 'how the jobs stand, or one of them')
    .argument('[job]')
    .option('--watch', 'go on showing it')
    .action(async (job: string | undefined, options: CommonOptions & { watch?: boolean }) =>
      perform(async () => (await import('./status.js')).status(job, options, terminal), options),
    );
  command(program, 'cases', 'the cases that Temporal remembers, newest first')
    .argument('[job]')
    .addOption(new Option('--limit <n>', 'at most so many').default(50).argParser(count))
    .action(async (job: string | undefined, options: CommonOptions & { limit: number }) =>
      perform(async () => (await import('./cases.js')).cases(job, options, terminal), options),
    );
  command(program, 'case', 'one case, by its job or its workflow id')
    .argument('<id>')
    .option('--run <run id>', 'an earlier execution of the same id')
    .option('--html <file>', 'writes the case file as one HTML page')
    .action(async (id: string, options: CommonOptions & { run?: string; html?: string }) =>
      perform(async () => (await import('./case.js')).showCase(id, options, terminal), options),
    );

  for (const [verb, message, description] of [
    ['resume', 'resume', 'lets an aborted case go on, with as many attempts again'],
    ['abort', 'abort', 'stops the recovery; everything is kept'],
    ['retry', 'retryNow', 'ends a wait: the next attempt begins now'],
    ['close', 'closeCase', 'ends the case'],
  ] as const) {
    saying(verb, description)
      .argument('<job>')
      .action(async (job: string, options: SayingOptions) =>
        perform(async () => (await import('./say.js')).say(message, job, options, terminal), options),
      );
  }
  saying('hold', 'nothing more is done until it is released; with --for also when no case is open')
    .argument('<job or cluster>')
    .option(
      '--for <time>',
      'a standing hold, for example 2h: alerts open cases, and the cases wait',
      duration,
    )
    .action(async (target: string, options: SayingOptions & { for?: number }) =>
      perform(async () => (await import('./hold.js')).hold(target, options, terminal), options),
    );
  saying('release', 'ends the hold of a case, and the standing one of a job or cluster')
    .argument('<job or cluster>')
    .action(async (target: string, options: SayingOptions) =>
      perform(async () => (await import('./hold.js')).release(target, options, terminal), options),
    );
  for (const [verb, description] of [
    ['approve', 'answers the open question of a case with yes'],
    ['reject', 'answers the open question of a case with no'],
  ] as const) {
    saying(verb, description)
      .argument('<job>')
      .option('--question <id>', 'the question that is answered (default: the open one, after showing it)')
      .option('--yes', 'do not ask again')
      .action(async (job: string, options: AnswerOptions) =>
        perform(async () => (await import('./say.js')).answer(verb, job, options, terminal), options),
      );
  }
  saying('choose', 'chooses the restore point of a case')
    .argument('<job>')
    .argument('<path>', 'full URI of a checkpoint or savepoint')
    .option('--question <id>', 'the question that is answered')
    .action(async (job: string, path: string, options: AnswerOptions) =>
      perform(async () => (await import('./say.js')).choose(job, path, options, terminal), options),
    );

  const config = program.command('config').description('the configuration');
  command(config, 'check', 'says everything that is wrong with the configuration').action(
    async (options: CommonOptions) =>
      perform(async () => (await import('./config-check.js')).configCheck(options, terminal), options),
  );
  config
    .command('schema')
    .description('the JSON schema of the configuration, for editors')
    .action(async () => perform(async () => (await import('./config-check.js')).configSchema(terminal), {}));
  command(program, 'doctor', 'asks everything that the configuration names whether it works')
    .option('--fix', "register Holdfast's search attributes in Temporal")
    .action(async (options: CommonOptions & { fix?: boolean }) =>
      perform(async () => (await import('./doctor.js')).doctor(options, terminal), options),
    );
  registerStateCommands((usage, description) => command(program, usage, description), perform, terminal);
  return program;
}

function port(text: string): number {
  const value = Number(text);
  if (/^\d{1,5}$/.test(text) && value <= 65_535) return value;
  throw new UsageError(`expected a port from 0 to 65535, found ${text}`);
}

function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms !== null && ms > 0) return ms;
  throw new UsageError(`expected a time such as 30m or 2h, found ${text}`);
}

function count(text: string): number {
  const value = Number(text);
  if (/^\d{1,4}$/.test(text) && value > 0) return value;
  throw new UsageError(`expected a number from 1 to 9999, found ${text}`);
}
