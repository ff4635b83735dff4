import MusterScheduling
import MusterWire
import Testing

@testable import MusterAPI

/// A type and bodies of it, each as its writer writes it.
struct WireSample: CustomTestStringConvertible {
    var type: any WireType.Type
    var bodies: [String]
    var testDescription: String { "\(type)" }

    init(_ type: any WireType.Type, _ bodies: String...) { (self.type, self.bodies) = (type, bodies) }

    private static let key = #""job":1,"first":2,"count":2,"attempt":1"#
    private static let needs = #""needs":{"cpus":2,"memory":5,"gpus":1,"counts":{"a":3},"labels":{"b":"c"}}"#
    private static let purge = #"{"term":65537,"number":1,"prefix":"/x"}"#

    static let all: [WireSample] = requests + answers + amongEdges

    private static let requests: [WireSample] = [
        WireSample(
            JobRequest.self,
            #"{"kernel":"sum","inputs":[1,"x"],"params":{"a":1},"priority":"interactive","attempts":3,"retryDelay":2.5,"#
                + #""atMost":3,"copies":false,"quorum":"2/3","name":"n","timeoutSeconds":2.5,"#
                + needs
                + #","startDelay":1.5,"failIfImpossible":true,"after":[1,2],"afterAny":[3],"owner":"o","rerun":false,"halt":"soon,fail=2"}"#,
            #"{"kernel":"noop","count":9,"params":{},"priority":"batch"}"#),
        WireSample(AssignRequest.self, #"{"dataset":[[1,2],[3.5]]}"#, "{}"),
        WireSample(
            JoinRequest.self,
            #"{"name":"n","role":"edge","slots":2,"labels":{"a":"1","b":"2"},"version":"v","incarnation":"i","#
                + #""callback":"http://1.2.3.4:5","machine":"m","resources":{"memory":5,"gpus":1,"counts":{"a":3}},"id":3,"secret":"s"}"#,
            #"{"name":"","role":"worker","slots":1,"labels":{},"version":"","incarnation":""}"#),
        WireSample(
            Heartbeat.self, "{\"leases\":[{\(key)}],\"acknowledged\":0,\"edges\":{\"leader\":1,\"term\":65537}}",
            #"{"leases":[]}"#),
        WireSample(
            LeaseRequest.self, #"{"slots":2,"kernels":["a","b"],"waitSeconds":0.5}"#,
            #"{"slots":2,"kernels":[],"waitSeconds":0.5,"resources":{"memory":7}}"#),
        WireSample(
            Delivery.self,
            "{\"reports\":[{\(key),\"ticket\":\"t\",\"start\":2,\"values\":[1,null],\"seconds\":[0,0.5],"
                + #""failures":[{"task":3,"error":"e","ownFault":true}]}]}"#,
            "{\"reports\":[{\(key),\"ticket\":\"t\",\"start\":3,\"values\":[7],\"seconds\":[1],\"binary\":true}]}"),
        WireSample(TokenRequest.self, #"{"label":"l"}"#), WireSample(ChildrenRequest.self, #"{"count":2,"numbers":5}"#),
        WireSample(NumbersReport.self, #"{"offset":2,"rejected":1,"last":true,"numbers":[1,4294967295]}"#),
        WireSample(CommandRequest.self, #"{"command":"GO","from":"x"}"#, #"{"command":"GO"}"#),
        WireSample(ClassicMember.self, #"{"ip_port":"http://1.2.3.4:5000"}"#),
        WireSample(ClassicCommand.self, #"{"ip_port":"https://a:5","command":"GO"}"#),
        WireSample(ScaleRequest.self, #"{"workers":3}"#),
        WireSample(ClassicSignUp.self, #"{"name":"a.example","port":"5000"}"#),
        WireSample(
            FileNames.self, #"{"files":["abababababababababababababababababababababababababababababababab"]}"#,
            #"{"files":[]}"#),
        WireSample(
            KeepFiles.self,
            #"{"files":["abababababababababababababababababababababababababababababababab"],"seconds":60}"#),
        WireSample(
            OutputDelivery.self,
            #"{"pieces":[{"job":1,"task":0,"attempt":2,"start":1.5,"stream":"stderr","offset":7,"text":"a\n"},"#
                + #"{"job":1,"task":3,"attempt":1,"start":1.5,"stream":"stdout","offset":0,"text":{"base64":"/wE="}}]}"#,
            #"{"pieces":[]}"#),
        WireSample(PurgeRequest.self, #"{"id":0}"#, #"{"prefix":"/x"}"#, #"{"all":true}"#),
    ]

    private static let answers: [WireSample] = [
        WireSample(
            FileStatus.self,
            #"{"sha256":"abababababababababababababababababababababababababababababababab","size":5,"keptSeconds":3600}"#
        ),
        WireSample(
            MissingFiles.self, #"{"missing":["abababababababababababababababababababababababababababababababab"]}"#,
            #"{"missing":[]}"#),
        WireSample(
            KeptFiles.self,
            #"{"kept":2,"missing":["abababababababababababababababababababababababababababababababab"]}"#),
        WireSample(StoredFiles.self, #"{"stored":1,"known":2}"#),
        WireSample(
            JobStatus.self,
            #"{"id":3,"name":"n","kernel":"k","state":"done","count":2,"done":1,"failed":1,"workers":{"a":1,"b":2},"#
                + #""seconds":1.5,"created":12.5,"timeoutSeconds":3.0,"priority":"batch","waiting":"w","quorum":"2/3","#
                + needs + #","after":[1,2],"afterAny":[3],"reason":"r","owner":"o","rerun":false,"#
                + #""startDelay":1.5,"halt":"now,done=10%"}"#),
        WireSample(
            ListAnswer<TaskStatus>.self,
            #"{"tasks":[{"task":1,"state":"running","worker":"w","attempt":2,"seconds":0.5}]}"#, #"{"tasks":[]}"#),
        WireSample(
            HeartbeatAnswer.self, #"{"success":true,"rank":1,"members":3,"edges":["http://a:1"]}"#,
            #"{"success":true,"members":1}"#),
        WireSample(
            EdgeState.self,
            #"{"id":1,"leader":2,"term":65538,"hits":1,"misses":2,"bytes":3,"objects":4,"memoryBytes":5,"diskBytes":6,"#
                + #""upstream":"http://a:1","edges":[{"id":2,"url":"http://b:1","alive":true}]}"#),
        WireSample(
            ScaleReply.self, #"{"workers":3,"running":2,"joined":1}"#,
            #"{"workers":3,"running":2,"joined":1,"min":0,"max":4,"reason":"r"}"#),
        WireSample(
            ListAnswer<MemberStatus>.self,
            #"{"members":[{"id":1,"name":"w","role":"worker","rank":0,"address":"a","state":"draining","joined":1.5,"#
                + #""slots":2,"version":"v","machine":"m","volunteer":3,"labels":{"k":"v"}}]}"#),
        WireSample(
            MemberStatus.self,
            #"{"id":1,"name":"e","role":"edge","rank":null,"address":"a","state":"alive","joined":1.5,"slots":1,"#
                + #""version":"v","labels":{}}"#),
        WireSample(
            TokenStatus.self, #"{"id":7,"token":"t","label":"l","created":1.5,"revoked":2.25,"members":3}"#,
            #"{"id":7,"label":"","created":1.5,"revoked":null,"members":0}"#),
        WireSample(
            MachineStatus.self,
            #"{"machine":"m","name":"w","token":7,"state":"proven","tasks":2,"seconds":0.5,"accepted":1,"rejected":2,"#
                + #""reliability":0.9,"checked":0.1,"joins":3,"members":1,"firstSeen":1.5,"lastSeen":2.5,"version":"v"}"#
        ),
        WireSample(
            WholeCommand.self,
            #"{"id":1,"command":"GO","sender":null,"from":"a","view":2,"created":1.5,"ended":2.5,"recipients":2,"#
                + #""pending":0,"delivered":1,"gone":1,"refused":0,"overflow":0,"outcomes":[{"member":1,"name":"b","#
                + #""outcome":"delivered"},{"member":2,"outcome":"gone"}]}"#),
        WireSample(
            ImagePage.self,
            #"{"count":3,"images":[{"id":0,"size":2,"version":1,"etag":"\"e\"","type":"t"}],"next":0}"#,
            #"{"count":0,"images":[],"next":null}"#),
        WireSample(
            ImageStatus.self,
            #"{"id":0,"size":2,"version":1,"etag":"\"e\"","type":"t","damage":"d"}"#),
        WireSample(
            Problem.self,
            #"{"type":"/problems/field","title":"Conflict","status":409,"detail":"d","retryAfter":2,"limit":"pages"}"#,
            #"{"type":"about:blank","title":"","status":404,"detail":""}"#),
        WireSample(
            LimitStatus.self,
            #"{"limit":"a","what":"b","count":2,"last":3.5,"secondsAgo":1.5,"detail":"d","flag":"--f","page":"p"}"#,
            #"{"limit":"a","what":"","count":0,"last":0.0,"secondsAgo":0.0,"detail":"","page":""}"#),
        WireSample(RankAnswer.self, #"{"rank":2}"#), WireSample(Success.self, #"{"success":true}"#),
        WireSample(ImageSize.self, #"{"id":0,"size":3}"#),
        WireSample(TaskStatus.self, #"{"task":1,"state":"running","worker":"w","attempt":2,"seconds":0.5}"#),
        WireSample(
            JoinReply.self,
            #"{"id":1,"secret":"s","name":"n","rank":2,"fleetTokens":{"salt":"1","admin":"2","join":"3","read":"4"}}"#,
            #"{"id":1,"secret":"s","name":"n","rank":null}"#),
        WireSample(SignInLink.self, #"{"path":"p","seconds":3}"#),
        WireSample(
            JoinOffer.self,
            #"{"token":"t","url":"u","platform":"p","program":{"path":"/","sha256":"s","bytes":3},"trouble":"x"}"#),
        WireSample(CommandReceipt.self, #"{"id":1,"recipients":2}"#),
        WireSample(
            ChildStatus.self,
            #"{"id":2,"name":"c","state":"done","numbers":2,"received":1,"rejected":2,"attempts":3,"created":1.5,"#
                + #""ended":2.29,"reason":"x"}"#),
        WireSample(NumbersVerdict.self, #"{"received":2,"done":true}"#),
        WireSample(
            NumbersProgress.self,
            #"{"uniqueNumbers":2,"percentage":20.0,"received":5,"duplicates":3,"range":10,"rejected":1,"children":"#
                + #"{"waiting":1,"live":2,"done":3,"died":4,"failed":5,"cancelled":6}}"#),
        WireSample(
            LeaseOffer.self,
            "{\(key),\"ticket\":\"t\",\"kernel\":\"k\",\"params\":{\"a\":2},\"transient\":true,\"timeoutSeconds\":2.5,"
                + needs + #","inputs":[1,2]}"#, "{\(key),\"ticket\":\"t\",\"kernel\":\"k\",\"params\":{}}"),
        WireSample(
            LeaseAnswer.self, "{\"leases\":[{\(key),\"ticket\":\"t\",\"kernel\":\"k\",\"params\":{}}]}",
            #"{"leases":[],"merged":true}"#),
        WireSample(Revocation.self, "{\"leases\":[{\(key)}]}"),
        WireSample(VerdictForm.self, #"{"verdict":"recorded","recorded":2}"#, #"{"verdict":"again","reason":"r"}"#),
        WireSample(CommandNotice.self, #"{"id":1,"sender":null,"from":"a","command":"GO"}"#),
        WireSample(RankNotice.self, #"{"rank":1,"view":2,"members":3}"#),
        WireSample(
            ImageChanges.self,
            #"{"origin":"o","version":3,"reset":true,"changes":[{"id":1,"version":2,"etag":null,"deleted":true},"#
                + #"{"id":0,"version":1,"etag":"\"e\"","deleted":false}],"next":3}"#),
    ]

    private static let amongEdges: [WireSample] = [
        WireSample(EdgeLeadership.self, #"{"leader":65535,"term":65537}"#),
        WireSample(
            EdgeMessages.self,
            #"{"id":1,"instance":"a","started":0,"url":"u","digest":"ff","messages":[{"kind":"answer","term":65537,"#
                + #""alive":[1,2]}],"edges":[{"id":2,"url":"y"},{"id":3,"url":"x"}]}"#),
        WireSample(
            EdgeOrder.self,
            "{\"leader\":1,\"term\":65537,\"pull\":[{\"target\":\"/\",\"version\":2}],\"purge\":\(purge)}"),
        WireSample(EdgeCopies.self, #"{"copies":[{"target":"/a"}]}"#),
        WireSample(EdgePurges.self, "{\"purges\":[\(purge)],\"forgotten\":{\"term\":65537,\"number\":0,\"all\":true}}"),
    ]
}
