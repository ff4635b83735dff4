import MusterElection
import Testing

@testable import MusterEdgePeers

@Suite struct WarmerTests {
    @Test func aFewAtATime() {
        let cache = ScriptedCache()
        let warmer = Warmer(cache)
        warmer.warm((0..<20).map { Copy(target: "/\($0)", version: nil) })
        #expect(cache.warming == (0..<8).map { "/\($0)" })
        cache.endWarming()
        #expect(cache.warming == (8..<16).map { "/\($0)" })
        warmer.stop()
        cache.endWarming()
        #expect(cache.warming.isEmpty)
    }
}
