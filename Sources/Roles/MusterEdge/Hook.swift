internal import Synchronization

/// Somebody who is told of something, and is known later only: where of two that need each other one has to be made first.
final class Hook<News: Sendable>: Sendable {
    private let action = Mutex<(@Sendable (News) -> Void)?>(nil)

    func connect(_ action: @escaping @Sendable (News) -> Void) { self.action.withLock { $0 = action } }

    func callAsFunction(_ news: News) { action.withLock { $0 }?(news) }
}
