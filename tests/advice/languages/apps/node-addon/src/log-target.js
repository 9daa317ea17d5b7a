const build = require('pino-abstract-transport');

module.exports = () => build(async (source) => {
  for await (const line of source) console.error('logged', line.msg);
});
