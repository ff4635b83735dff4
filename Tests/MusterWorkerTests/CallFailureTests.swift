import Testing

@testable import MusterWorker

@Suite struct CallFailureTests {
    @Test func aWorkersCallsAreJudgedByTheirType() {
        func failure(_ status: Int?, _ type: String) -> CallFailure {
            CallFailure(status: status, problemType: type, reason: "", retryAfter: nil)
        }
        for code in ["token", "rights", "field", "size"] { #expect(failure(403, "/problems/\(code)").isFinal) }
        for type in ["", "about:blank", "/problems/stranger", "https://example.org/problems/token"] {
            #expect(!failure(404, type).isFinal, "\(type)")
        }
        #expect(!failure(503, "/problems/store").isFinal && !failure(nil, "").isFinal)
        #expect(failure(nil, "").isNobodys && failure(404, "").isNobodys && !failure(404, "about:blank").isNobodys)
    }
}
