package store_test

import (
	"context"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store"
	"birdcar/internal/store/storetest"
)

// writers is how many goroutines the benchmarks below write from.
const writers = 16

// BenchmarkEnqueueAndComplete measures the outbox's own work, without a carrier:
// a message enqueued in one durable transaction and marked sent in another. Beside
// it stands the limit: as many durable transactions that write one small row each.
func BenchmarkEnqueueAndComplete(b *testing.B) {
	ctx := context.Background()
	each := func(b *testing.B, work func(s *store.Store, writer, i int) error) {
		s := storetest.Open(b, filepath.Join(b.TempDir(), "birdcar.db"), time.Now)
		var next atomic.Int64
		var wg sync.WaitGroup
		b.ResetTimer()
		for writer := range writers {
			wg.Go(func() {
				for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
					if err := work(s, writer, int(i)); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "/s")
	}
	b.Run("limit", func(b *testing.B) {
		each(b, func(s *store.Store, _, i int) error {
			for half := range 2 {
				err := s.Tx(ctx, func(ctx context.Context, tx *store.Tx) error {
					return tx.UseSignature(ctx, strconv.Itoa(2*i+half), 1)
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
	b.Run("messages", func(b *testing.B) {
		from := number(b, "447700900001")
		each(b, func(s *store.Store, writer, i int) error {
			to := number(b, "4477009001"+string(rune('0'+writer/10))+string(rune('0'+writer%10)))
			var m masking.Message
			err := s.Tx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
				m, err = tx.Enqueue(ctx, store.Unsent{Kind: masking.Relaying, From: from, To: to, Body: "On my way, five minutes"}, time.Minute)
				return err
			})
			if err != nil {
				return err
			}
			return s.Tx(ctx, func(ctx context.Context, tx *store.Tx) error {
				_, err := tx.MarkSent(ctx, m)
				if err == nil {
					_, err = tx.ClaimNext(ctx, time.Minute, m)
				}
				return err
			})
		})
	})
}
