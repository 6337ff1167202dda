/** What people say to a case: each message with who says it and why. */
import { userInfo } from 'node:os';
import type { HoldfastClient, Saying } from '../client/index.js';
import { withClient } from './door.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import type { AnswerOptions, SayingOptions } from './options.js';
import { UsageError, type Terminal } from './terminal.js';

type Message = 'resume' | 'abort' | 'retryNow' | 'closeCase';

export async function say(
  message: Message,
  job: string,
  options: SayingOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const saying = await signed(options, terminal);
  return withClient(options, async (client) => {
    const heard = await client[message](job, saying);
    return report(job, heard, options, terminal);
  });
}

export async function answer(
  verb: 'approve' | 'reject',
  job: string,
  options: AnswerOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  return withClient(options, async (client) => {
    const question = options.question ?? (await openQuestion(verb, client, job, options, terminal));
    const saying = await signed(options, terminal);
    const heard = await client[verb](job, { ...saying, question });
    return report(job, heard, options, terminal);
  });
}

export async function choose(
  job: string,
  path: string,
  options: AnswerOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const saying = await signed(options, terminal);
  return withClient(options, async (client) => {
    const about = options.question === undefined ? {} : { question: options.question };
    const heard = await client.chooseRestorePoint(job, { ...saying, path, ...about });
    return report(job, heard, options, terminal);
  });
}

function report(job: string, heard: string, options: SayingOptions, terminal: Terminal): ExitCode {
  terminal.write(options.json === true ? JSON.stringify({ job, heard }) : `${job}: ${heard}`);
  return EXIT.done;
}

/** Shows the open question and makes sure that it is the one that is meant. */
async function openQuestion(
  verb: string,
  client: HoldfastClient,
  job: string,
  options: AnswerOptions,
  terminal: Terminal,
): Promise<string> {
  const { question } = await client.status(job);
  if (question === null)
    throw new UsageError(`the case of ${job} asks nothing now; see: holdfast status ${job}`);
  terminal.note(question.text);
  for (const fact of question.facts) terminal.note(`· ${fact}`);
  if (question.approves !== null) terminal.note(`Yes means: ${question.approves}`);
  if (options.yes === true) return question.id;
  if (!terminal.interactive || options.json === true) {
    throw new UsageError(`nobody can be asked here: repeat with --question ${question.id}, or with --yes`);
  }
  const typed = await terminal.ask(`${verb} this? [y/N] `);
  if (!/^y(es)?$/i.test(typed)) throw new UsageError('nothing was said');
  return question.id;
}

/** Who says it and why; both become part of the case file. */
export async function signed(options: SayingOptions, terminal: Terminal): Promise<Saying> {
  const by = options.by ?? userInfo().username;
  const asked = options.reason === undefined && terminal.interactive && options.json !== true;
  const reason = (asked ? await terminal.ask('Why? ') : (options.reason ?? '')).trim();
  if (reason === '') throw new UsageError("expected --reason '…': it becomes part of the case file");
  return { by, reason, ...(options.requestId === undefined ? {} : { requestId: options.requestId }) };
}
