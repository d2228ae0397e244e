// A value or the reason why there is none. Errors are values; the text is for people and says what to do about it.
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace holdfast {

struct Error {
  std::string what;
};

// Stands for "done" in Result<Done>.
struct Done {};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return std::holds_alternative<T>(state_); }
  explicit operator bool() const { return ok(); }
  T& operator*() { return std::get<T>(state_); }
  const T& operator*() const { return std::get<T>(state_); }
  T* operator->() { return &std::get<T>(state_); }
  const T* operator->() const { return &std::get<T>(state_); }
  const std::string& error() const { return std::get<Error>(state_).what; }

 private:
  std::variant<T, Error> state_;
};

}  // namespace holdfast
