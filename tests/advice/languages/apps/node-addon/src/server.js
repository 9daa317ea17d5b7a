const express = require('express');
const Database = require('better-sqlite3');
const logger = require('pino')({ transport: { target: './log-target.js' } });

const app = express();
app.get('/health', async (request, response) => {
  const db = new Database(':memory:');
  const sharp = require('sharp');
  const { size } = await sharp({ create: { width: 2, height: 2, channels: 3, background: 'red' } }).png().toBuffer({ resolveWithObject: true }).then((r) => r.info);
  const bcrypt = await import('bcrypt');
  logger.info('asked');
  response.json({ app: 'node-addon', sum: db.prepare('select 40 + 2 as n').get().n, png: size > 50, hash: bcrypt.default.hashSync('x', 4).slice(0, 3) });
});
app.listen(18207, '127.0.0.1');
