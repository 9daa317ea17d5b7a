import Fastify from 'fastify';
import { z } from 'zod';
import { word } from '#jobs/word';

const app = Fastify({ logger: { transport: { target: 'pino-pretty' } } });
app.get('/health', async () => {
  const { default: knex } = await import('knex');
  const db = knex({ client: 'sqlite3', connection: { filename: ':memory:' }, useNullAsDefault: true });
  const [{ n }] = await db.raw('select 40 + 2 as n');
  const { format } = await import('date-fns');
  return { app: 'node-esm', n, word: z.string().parse(word), day: format(new Date(0), 'yyyy') };
});
await app.register(import('@fastify/static'), { root: process.cwd() + '/public' });
await app.listen({ port: 18208, host: '127.0.0.1' });
