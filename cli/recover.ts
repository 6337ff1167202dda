import { ClientError, type CaseRef, type HoldfastClient } from '../client/index.js';
import type { CaseStatus } from '../domain/case.js';
import { KAFKA_FROM, parseKafkaFrom } from '../domain/kafka-from.js';
import { attemptOf, casePage, paintPhase } from './case-page.js';
import { withClient } from './door.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { follow, isSettled } from './follow.js';
import type { SayingOptions } from './options.js';
import { signed } from './say.js';
import { UsageError, type Terminal } from './terminal.js';

export interface RecoverOptions extends SayingOptions {
  readonly from?: string;
  readonly fromNothing?: boolean;
  readonly kafkaFrom?: string;
  readonly wait?: boolean;
}

export async function recover(job: string, options: RecoverOptions, terminal: Terminal): Promise<ExitCode> {
  const start = startOf(options);
  const saying = await signed(options, terminal);
  return withClient(options, async (client) => {
    const opened = await client.recover(job, {
      ...saying,
      ...(options.from === undefined ? {} : { from: options.from }),
      ...start,
    });
    if (options.wait === true) return wait(client, opened, options, terminal);
    // An aborted case only notes the request: whoever made it has to know.
    const now = await client.status(job).catch((error: unknown) => {
      if (error instanceof ClientError) return null;
      throw error;
    });
    if (options.json === true)
      terminal.write(JSON.stringify({ ...opened, phase: now?.phase ?? null, next: now?.next ?? [] }));
    else tell(opened, now, terminal);
    return now?.phase === 'aborted' ? EXIT.no : EXIT.done;
  });
}

/** A start from nothing is asked for in full, or not at all. */
function startOf(options: RecoverOptions): { readonly fromNothing?: { readonly kafkaFrom: string } } {
  const { from, fromNothing = false, kafkaFrom } = options;
  if (!fromNothing && kafkaFrom === undefined) return {};
  if (!fromNothing)
    throw new UsageError('expected --from-nothing with --kafka-from: a restore point says itself');
  if (from !== undefined) throw new UsageError('expected --from or --from-nothing, found both');
  if (kafkaFrom === undefined || parseKafkaFrom(kafkaFrom) === null)
    throw new UsageError(`expected --kafka-from with --from-nothing: ${KAFKA_FROM}`);
  return { fromNothing: { kafkaFrom } };
}

function tell(opened: CaseRef, now: CaseStatus | null, terminal: Terminal): void {
  terminal.write(`${opened.job}: case ${opened.workflowId}${now === null ? '' : `, ${now.phase}`}`);
  if (opened.link !== null) terminal.write(opened.link);
  if (now === null) terminal.note('No worker answers; the case begins when one is there: holdfast worker');
  if (now?.phase === 'aborted') {
    terminal.note('The case was aborted before and starts nothing by itself. What you can do:');
    for (const command of now.next) terminal.note(`  ${command}`);
  }
}

async function wait(
  client: HoldfastClient,
  opened: CaseRef,
  options: RecoverOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  let last: CaseStatus | null = null;
  let said = '';
  for await (const seen of follow(client, opened.job, { every: 1000, signal: terminal.signal })) {
    if (seen instanceof ClientError) {
      if (said !== seen.message) terminal.note(seen.message);
      said = seen.message;
      continue;
    }
    last = seen;
    const line = `${paintPhase(seen.phase, terminal)}, ${attemptOf(seen)}${seen.waiting === null ? '' : `, waiting for ${seen.waiting.for}`}`;
    if (line !== said) terminal.note(line);
    said = line;
    if (isSettled(seen)) break;
  }
  if (last === null || !isSettled(last)) return EXIT.interrupted;
  if (options.json === true) terminal.write(JSON.stringify({ ...opened, status: last }));
  else for (const line of casePage(last, opened.link, terminal, Date.now())) terminal.write(line);
  const recovered = last.phase === 'resumed' || (last.phase === 'closed' && last.because === null);
  return recovered ? EXIT.done : EXIT.no;
}
