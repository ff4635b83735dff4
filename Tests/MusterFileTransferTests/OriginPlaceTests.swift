import MusterFileTransfer
import Testing

/// Where an origin is, as its coordinator lists it.
@Suite struct OriginPlaceTests {
    @Test(arguments: [
        ("http://127.0.0.1:9000", "http://127.0.0.1:8080", "http://127.0.0.1:9000"),
        ("http://127.0.0.1:9000", "http://hub.example:8080", "http://hub.example:9000"),
        ("https://localhost", "https://10.0.0.7", "https://10.0.0.7"),
        ("http://[::1]:9000", "http://[fd00::7]:8080", "http://[fd00::7]:9000"),
        ("http://0.0.0.0:9000", "http://127.0.0.1:8080", "http://127.0.0.1:9000"),
        ("http://[::]:9000", "http://hub.example:8080", "http://hub.example:9000"),
        ("http://origin.example:9000", "http://hub.example:8080", "http://origin.example:9000"),
        ("http://10.0.0.8:9000", "http://127.0.0.1:8080", "http://10.0.0.8:9000"),
    ])
    func oneThatListensThereIsAtTheCoordinatorsHost(_ named: String, _ coordinator: String, _ url: String) {
        #expect(OriginPlace.url(named, coordinator: coordinator) == url)
    }
}
