import MusterServerKit

@testable import MusterContainers

extension FakeEngine {
    var address: EngineAddress { EngineAddress(path: path) }
}
