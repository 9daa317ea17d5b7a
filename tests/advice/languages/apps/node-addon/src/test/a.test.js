const jest = require('jest'); test('x', () => {});
