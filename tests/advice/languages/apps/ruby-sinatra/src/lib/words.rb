require 'active_support'
require 'active_support/core_ext/string'

module Words
  def self.title(text) = text.titleize
end
