package io.argosy.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import io.argosy.v1.AbortUploadRequest;
import io.argosy.v1.AbortUploadResponse;
import io.argosy.v1.CreateUploadRequest;
import io.argosy.v1.CreateUploadResponse;
import io.argosy.v1.FindMissingBlobsRequest;
import io.argosy.v1.FindMissingBlobsResponse;
import io.argosy.v1.ReadBlobRequest;
import io.argosy.v1.ReadBlobResponse;
import io.argosy.v1.UploadState;
import io.argosy.v1.WriteUploadRequest;
import io.argosy.v1.WriteUploadResponse;
import io.grpc.stub.StreamObserver;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What other threads have under way when one closes the client ends at once, and leaves nothing behind. */
class ClosedClientTest {
    @TempDir
    Path folder;

    private static <T> FutureTask<T> begin(Callable<T> work) {
        FutureTask<T> task = new FutureTask<>(work);
        Thread thread = new Thread(task);
        thread.setDaemon(true);
        thread.start();
        return task;
    }

    private static void assertEndedByTheClose(FutureTask<?> task) {
        var ended = assertThrows(ExecutionException.class, () -> task.get(30, TimeUnit.SECONDS));
        assertTrue(ended.getCause() instanceof ArgosyException.Cancelled, ended.toString());
        assertTrue(ended.getCause().getMessage().contains("the client was closed"), ended.toString());
    }

    @Test
    void aDownloadEndsAlsoWhereItsFilesWait() throws Exception {
        ByteString large = ByteString.copyFrom(new byte[VersionFiles.SMALL_BYTES]);
        CountDownLatch asked = new CountDownLatch(4);
        var silent = new PlayedServer.Capable() {
            @Override
            public void readBlob(ReadBlobRequest request, StreamObserver<ReadBlobResponse> answer) {
                asked.countDown();
            }
        };
        var files = IntStream.range(0, 9).mapToObj(i -> PlayedVersion.file("file " + i, large)).toList();
        try (PlayedVersion played = new PlayedVersion("bytes", large, silent, files)) {
            var download = begin(
                    () -> played.client().download(ArtifactRef.latest("many"), folder.resolve("target")));
            asked.await();
            played.client().close();
            assertEndedByTheClose(download);
            try (var left = Files.list(folder)) {
                assertEquals(0, left.count());
            }
            assertThrows(ArgosyException.Cancelled.class, () -> played.client().load("many"));
        }
    }

    @Test
    void aStreamThatAnotherThreadClosesAsksForNothingMore() throws Exception {
        CountDownLatch asked = new CountDownLatch(1);
        AtomicInteger calls = new AtomicInteger();
        var silent = new PlayedServer.Capable() {
            @Override
            public void readBlob(ReadBlobRequest request, StreamObserver<ReadBlobResponse> answer) {
                calls.incrementAndGet();
                asked.countDown();
            }
        };
        var file = PlayedVersion.file("data.bin", ByteString.copyFrom(new byte[VersionFiles.SMALL_BYTES]));
        try (PlayedVersion played = new PlayedVersion("bytes", ByteString.EMPTY, silent, List.of(file))) {
            InputStream stream = played.client().open(ArtifactRef.latest("large"));
            var reading = begin(() -> stream.read());
            asked.await();
            stream.close();
            var ended = assertThrows(ExecutionException.class, () -> reading.get(30, TimeUnit.SECONDS));
            assertEquals("the stream is closed", ended.getCause().getMessage());
            assertEquals(1, calls.get());
        }
    }

    @Test
    void anUploadIsAbortedBeforeTheCloseReturns() throws Exception {
        CountDownLatch written = new CountDownLatch(1);
        List<String> aborted = new CopyOnWriteArrayList<>();
        var silent = new PlayedServer.Capable() {
            @Override
            public void findMissingBlobs(
                    FindMissingBlobsRequest request, StreamObserver<FindMissingBlobsResponse> answer) {
                answer.onNext(FindMissingBlobsResponse.newBuilder()
                        .addAllMissingDigests(request.getDigestsList())
                        .build());
                answer.onCompleted();
            }

            @Override
            public void createUpload(CreateUploadRequest request, StreamObserver<CreateUploadResponse> answer) {
                var upload = io.argosy.v1.Upload.newBuilder().setId("u1").setState(UploadState.UPLOAD_STATE_OPEN);
                answer.onNext(CreateUploadResponse.newBuilder().setUpload(upload).build());
                answer.onCompleted();
            }

            @Override
            public StreamObserver<WriteUploadRequest> writeUpload(StreamObserver<WriteUploadResponse> answer) {
                return new StreamObserver<>() {
                    @Override
                    public void onNext(WriteUploadRequest request) {
                        written.countDown();
                    }

                    @Override
                    public void onError(Throwable cancelled) {}

                    @Override
                    public void onCompleted() {}
                };
            }

            @Override
            public void abortUpload(AbortUploadRequest request, StreamObserver<AbortUploadResponse> answer) {
                aborted.add(request.getUploadId());
                answer.onNext(AbortUploadResponse.getDefaultInstance());
                answer.onCompleted();
            }
        };
        try (PlayedVersion played = new PlayedVersion("bytes", ByteString.EMPTY, silent, List.of())) {
            var upload = begin(() -> played.client().save("large", new byte[3 << 20]));
            written.await();
            played.client().close();
            assertEquals(List.of("u1"), aborted);
            assertEndedByTheClose(upload);
        }
    }
}
