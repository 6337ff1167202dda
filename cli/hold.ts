/** Holding and releasing: an open case, and what comes to be opened. */
import { ClientError, type HoldfastClient } from '../client/index.js';
import type { Config } from '../config/config.js';
import { withClient } from './door.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import type { SayingOptions } from './options.js';
import { signed } from './say.js';
import { UsageError, type Terminal } from './terminal.js';
import { clock } from '../domain/words.js';

/** With a time a hold that stands also when no case is open; without one only the open case is held. */
export async function hold(
  target: string,
  options: SayingOptions & { readonly for?: number },
  terminal: Terminal,
): Promise<ExitCode> {
  const saying = await signed(options, terminal);
  return withClient(options, async (client, config) => {
    if (options.for === undefined) {
      if (!isJob(config, target) && isCluster(config, target))
        throw new UsageError(`expected --for to hold all jobs of cluster ${target}, for example --for 2h`);
      const heard = await client.hold(target, saying).catch((error: unknown) => {
        throw withoutCase(error, target);
      });
      report(target, { heard }, `${target}: ${heard}`, options, terminal);
      return EXIT.done;
    }
    const { hold: placed, told } = await client.placeHold(target, { ...saying, forMs: options.for });
    const cases = told.length === 0 ? 'no case is open' : `open cases held: ${told.join(', ')}`;
    const line = `${target}: held until ${clock(placed.until)} UTC; ${cases}`;
    report(target, { hold: placed, told }, line, options, terminal);
    return EXIT.done;
  });
}

export async function release(target: string, options: SayingOptions, terminal: Terminal): Promise<ExitCode> {
  const saying = await signed(options, terminal);
  return withClient(options, async (client, config) => {
    const standing = await client.endHold(target, saying);
    const ofCase = isJob(config, target) ? await releaseCase(client, target, saying, standing) : null;
    const said = [standing === 'ended' ? 'standing hold ended' : null, ofCase].filter(
      (text) => text !== null,
    );
    if (said.length === 0) throw new ClientError('NoCase', `nothing holds ${target}`);
    report(target, { standing, case: ofCase }, `${target}: ${said.join('; ')}`, options, terminal);
    return EXIT.done;
  });
}

/** A case that was held, if there is one. Ending a standing hold is enough: the case learns of it by itself. */
async function releaseCase(
  client: HoldfastClient,
  job: string,
  saying: Parameters<HoldfastClient['release']>[1],
  standing: 'ended' | 'no standing hold',
): Promise<string | null> {
  try {
    return await client.release(job, saying);
  } catch (error) {
    const none = error instanceof ClientError && (error.code === 'NoCase' || error.code === 'CaseEnded');
    if (none || (standing === 'ended' && error instanceof ClientError)) return null;
    throw error;
  }
}

function withoutCase(error: unknown, job: string): unknown {
  if (!(error instanceof ClientError) || (error.code !== 'NoCase' && error.code !== 'CaseEnded'))
    return error;
  const hint = `to hold it before a case is opened: holdfast hold ${job} --for 2h --reason …`;
  return new ClientError(error.code, `${error.message}; ${hint}`, { cause: error });
}

const isJob = (config: Config, name: string): boolean => Object.keys(config.jobs).includes(name);
const isCluster = (config: Config, name: string): boolean => Object.keys(config.clusters).includes(name);

function report(
  target: string,
  data: object,
  line: string,
  options: SayingOptions,
  terminal: Terminal,
): void {
  terminal.write(options.json === true ? JSON.stringify({ target, ...data }) : line);
}
