import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { commentsOf, sanitized, summaryOf } from './sql.ts'

describe('a statement of SQL', () => {
  test('shows no values', () => {
    const cases = [
      [
        'postgresql',
        "select * from t1 where a = 'x''y' and b=-1.5e3 and c in (1, 2,3)",
        'select * from t1 where a = ? and b=-? and c in (?)',
      ],
      [
        'postgresql',
        "select E'a\\'b', $1, $$secret 'x'$$, $q$it's$q$, x'ff' from \"it's 5\"",
        'select ?, $1, ?, ?, ? from "it\'s 5"',
      ],
      ['postgresql', "insert into t values (1, 'a'), (2, 'b')", 'insert into t values (?)'],
      ['postgresql', "select 'never ends", 'select ?'],
      ['postgresql', 'select $$never ends', 'select ?'],
      [
        'postgresql',
        'select größe, a5, 0x1F from t -- by 7\nwhere x = .5 /* 8 */',
        'select größe, a5, ? from t where x = ?',
      ],
      [
        'mysql',
        'select "a\\"b", \'c\\\'d\', `e 1` from t # 5\nwhere @x = 5',
        'select ?, ?, `e 1` from t where @x = ?',
      ],
      ['mysql', "update t set p = 'hunter2' where id=3", 'update t set p = ? where id=?'],
      ['mysql', "select n'x', b'01', x'ff'", 'select ?, ?, ?'],
    ] as const
    for (const [dialect, sql, clean] of cases) assert.equal(sanitized(sql, dialect), clean)
  })

  test('takes no longer for being hostile', () => {
    for (const part of ["'", '(?,', '$a', '/*', '"', '`', '(', "\\'", '?,', '. '])
      for (const dialect of ['postgresql', 'mysql'] as const)
        summaryOf(sanitized(part.repeat(50_000), dialect))
  })

  test('is summed up by what it does and to what', () => {
    const cases = [
      ['select a from "shop"."items" i join prices p on 1=1', 'SELECT shop.items prices'],
      ['insert into orders(id) select id from carts', 'INSERT orders SELECT carts'],
      ['update `items` set a=?', 'UPDATE items'],
      ['delete from items', 'DELETE items'],
      ['create table if not exists t (id int)', 'CREATE TABLE t'],
      ['drop table a', 'DROP TABLE a'],
      ['begin', 'BEGIN'],
      ['set names utf8', 'SET'],
      ['', undefined],
    ] as const
    for (const [sql, summary] of cases) assert.equal(summaryOf(sql), summary, sql)
  })

  test('may carry a trace in a comment', () => {
    const sql =
      "select 1 /*route='%2Fitems',traceparent='00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'*/"
    assert.deepEqual(commentsOf(sql), {
      route: '/items',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    })
  })
})
