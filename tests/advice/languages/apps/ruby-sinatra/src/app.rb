require 'sinatra/base'
require_relative 'lib/words'

class App < Sinatra::Base
  set :port, 18209
  set :bind, '127.0.0.1'
  set :server, :webrick
  get('/health') do
    require 'json'
    content_type :json
    JSON.generate(app: 'ruby-sinatra', word: Words.title('some words'), html: Rack::Utils.escape_html('<'))
  end
  run! if app_file == $0
end
